"""A Keras model file in place of a run: export, compress and diagnose any `.keras` file."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasdl import compression, data, diagnosis, saving
from kerasdl.compression import methods as compression_methods
from kerasdl.compression import reporting
from kerasdl.errors import InvalidInput
from kerasdl.export import model_file
from kerasdl.runs import compress, doctor, export, folder
from kerasdl.tasks.task import Export
from kerasdl.training.optimizer import adamw
from kerasdl.utils import checks

EXAMPLES = 1000  # of the test data that a file is compared with its model on
MADE_UP = 16  # random inputs, without data
EPOCHS = 6  # of a compression method, unless given
LEARNING_RATE = 1e-3  # of compression; each step uses a multiple of it


class KerasFile:
    """A `.keras` file and data for it.

    Args:
        path: Path of the file.
        data: Data that the model takes, as `kerasdl.data.load` takes it: a name, a folder, a file
            or arrays. `None`, if the method needs none.
        out: Path of the folder to write to; by default one beside the file, named after it.
        input_range: The smallest and largest value of a pixel that the model takes. By default 0
            and 255 if the model has a `Rescaling` layer that divides by about 255, else 0 and 1.
        trust: bool, whether code in the file, such as a `Lambda` layer's, may run.
        data_options: dict, further options of `kerasdl.data.load`, such as `target`.
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        data: Any = None,
        *,
        out: str | pathlib.Path | None = None,
        input_range: tuple[float, float] | None = None,
        trust: bool = False,
        data_options: dict | None = None,
    ):
        checks.paths(path=path)
        checks.paths(out=out, optional=True)
        self.path = pathlib.Path(path)
        self.out = None if out is None else pathlib.Path(out)
        self.model = saving.load_model(self.path, trust=trust)
        self.input_range = input_range or _range(self.model)
        self.splits = None if data is None else self._load(data, data_options or {})

    def _load(self, name, options):
        shape = self.model.inputs[0].shape if len(self.model.inputs) == 1 else ()
        size = shape[1:3] if len(shape) == 4 and None not in shape[1:3] else None
        splits = data.load(name, image_size=size, **options)
        if splits.train is None:
            raise InvalidInput("data", "at least one batch to train on", splits.info.name)
        low, high = self.input_range
        if _is_image(splits.info.shape) and (low, high) != (0, 1):
            splits = _mapped(splits, lambda x, *rest: (low + (high - low) * x, *rest))
        given = [tuple(s.shape[1:]) for s in keras.tree.flatten(splits.train.element_spec[0])]
        taken = [tuple(x.shape[1:]) for x in self.model.inputs]
        fit = len(given) == len(taken) and all(map(_fits, given, taken))
        if not fit:
            expected = f"inputs of shape {', '.join(map(str, taken))}, as {self.path.name} takes"
            raise InvalidInput(f"data `{splits.info.name}`", expected, ", ".join(map(str, given)))
        classes = splits.info.classes
        if classes and self._classifies and self.model.outputs[0].shape[-1] != len(classes):
            expected = f"{self.model.outputs[0].shape[-1]} classes, as {self.path.name} has"
            raise InvalidInput(f"data `{splits.info.name}`", expected, len(classes))
        return splits

    @property
    def _classifies(self) -> bool:
        outputs = self.model.outputs
        return len(outputs) == 1 and len(outputs[0].shape) == 2 and outputs[0].shape[-1] > 1

    def _folder(self, purpose) -> pathlib.Path:
        found = self.out or self.path.with_name(f"{self.path.stem}-{purpose}")
        found.mkdir(parents=True, exist_ok=True)
        return found

    def export(
        self,
        quantize: Sequence[str] = (),
        format: str = "litert",
        input_type: str = "float32",
    ) -> list[dict]:
        """Write LiteRT or ONNX files and compare them with Keras; return a row for each file.

        Args:
            quantize: list of str, quantization methods; by default "none", and "int8" with data.
            format: str, "litert" or "onnx".
            input_type: str, the type of inputs and outputs of int8 files, "float32" or "int8".
        """
        quantize = quantize or (export.DEFAULT if self.splits else ("none",))
        quantize = quantize if format == "litert" else ()
        export.check_options(quantize, format, input_type)
        calibrated = [method for method in quantize if method in export.CALIBRATED]
        if calibrated and self.splits is None:
            expected = f"data to calibrate {calibrated[0]} with"
            raise InvalidInput("option `--data`", expected, "none")
        part, facts = self._part()
        parts, output = {self.path.stem: part}, self._folder("export")
        info = self.splits.info if self.splits else None
        return export.write_files(
            parts, output, quantize, format, lambda *_: facts, input_type, info
        )

    def _part(self):
        """Return the model with inputs, and the metadata of its files."""
        if self.splits is None:
            shapes = [(MADE_UP, *(n or 1 for n in x.shape[1:])) for x in self.model.inputs]
            inputs = [
                model_file.random_input(shape, np.dtype(x.dtype))
                for shape, x in zip(shapes, self.model.inputs, strict=True)
            ]
            return Export(self.model, inputs[0] if len(inputs) == 1 else tuple(inputs)), {}
        splits, classes = self.splits, self.splits.info.classes
        inputs, labels = reporting.gather(
            splits.test or splits.validation or splits.train, EXAMPLES
        )
        facts = self._facts()
        part = Export(self.model, inputs)
        if classes and self._classifies:
            activation = None if _gives_probabilities(self.model, part.first(64)) else "softmax"
            part = dataclasses.replace(part, labels=labels, activation=activation)
            facts["labels"] = tuple(classes)
        return part, facts

    def _facts(self):
        info = self.splits.info
        pixels = _is_image(info.shape)
        return {
            "description": f"{self.path.stem}, with data like {info.name}",
            "input_range": tuple(map(float, self.input_range)) if pixels else None,
        }

    def doctor(self) -> list[dict]:
        """Ask the doctor about the model on its data; return a row for each question."""
        if self.splits is None:
            raise InvalidInput("option `--data`", "the data that the model was trained on", "none")
        splits = self.splits
        parts = {"train": splits.train, "validation": splits.validation}
        if splits.info.classes and self._classifies and _takes_one_hot(self.model.loss):
            parts = {name: _one_hot(part, splits.info) for name, part in parts.items()}
        return doctor.rows_of(diagnosis.doctor(self.model, parts))

    def compress(
        self,
        *,
        max_drop: float = 0.005,
        methods: Sequence[str] | None = None,
        epochs: int | None = None,
        sparsity: float = 0.8,
        progress: Callable[[str], None] = print,
        **options,
    ) -> list[dict]:
        """Try compression methods and mark the best file within `max_drop`.

        The model is trained with the loss that it was compiled with, else with the cross-entropy.

        Args:
            max_drop, methods, sparsity, progress: As in `Run.compress`.
            epochs: int, epochs of methods that train; by default 6.
            **options: Further arguments of `compression.search`, such as `prefer`.
        """
        checks.integers(epochs=epochs, limit=checks.LARGEST, optional=True)
        if self.splits is None:
            raise InvalidInput("option `--data`", "data to train and evaluate on", "none")
        if not (self.splits.info.classes and self._classifies):
            expected = "a model with one output for each class of its data, to compare accuracy"
            shapes = ", ".join(str(tuple(x.shape)) for x in self.model.outputs)
            raise InvalidInput(f"model {self.path}", expected, f"outputs of shape {shapes}")
        part, facts = self._part()
        facts["labels"] = tuple(self.splits.info.classes)
        splits = self.splits
        if not self.model.compiled:
            loss = keras.losses.SparseCategoricalCrossentropy(
                from_logits=part.activation is not None
            )
            self.model.compile("adam", loss)
        if _takes_one_hot(self.model.loss):
            splits = dataclasses.replace(splits, train=_one_hot(splits.train, splits.info))
        if splits.test is None:
            splits = dataclasses.replace(splits, test=splits.validation or splits.train)
        steps = int(splits.train.cardinality())

        def optimizer(step, epochs):
            rate = LEARNING_RATE * compression_methods.RATES[step]
            return adamw(rate, epochs=epochs, steps=steps)

        output = self._folder("compressed")
        chosen: dict[str, Any] = {"methods": tuple(dict.fromkeys(methods))} if methods else {}
        found = compression.search(
            self.model,
            splits,
            max_drop,
            **chosen,
            epochs=epochs or EPOCHS,
            sparsity=sparsity,
            seed=0,
            folder=output,
            optimizer=optimizer,
            callbacks=[splits.order_callback()],
            progress=lambda line: progress(compress.explained(line)),
            file_options=facts,
            **options,
        )
        folder.save_figures(output, {"compression": found.figure})
        return compress.rows_of(found, output, splits.info)


def _one_hot(dataset, info):
    count = len(info.classes)
    return dataset and dataset.map(lambda x, y: (x, keras.ops.one_hot(y, count)))


def _range(model) -> tuple[float, float]:
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Rescaling) and 0 < np.max(layer.scale) < 0.1:
            return 0, 255
    return 0, 1


def _is_image(shape) -> bool:
    return len(shape) == 3 and all(isinstance(n, int) for n in shape)


def _fits(given, taken) -> bool:
    return len(given) == len(taken) and all(
        None in pair or pair[0] == pair[1] for pair in zip(given, taken, strict=True)
    )


def _mapped(splits, function):
    names = ("train", "validation", "test")
    parts = {name: getattr(splits, name) for name in names}
    return dataclasses.replace(splits, **{n: d and d.map(function) for n, d in parts.items()})


def _gives_probabilities(model, inputs) -> bool:
    outputs = np.asarray(model(inputs, training=False))
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(-1), 1, atol=1e-3))


def _takes_one_hot(loss) -> bool:
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    return "categorical" in str(name) and "sparse" not in str(name)
