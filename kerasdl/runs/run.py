"""A run folder: the results of a training run, and what can be done with them."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

import keras

from kerasdl import data, errors, saving
from kerasdl.data import in_memory
from kerasdl.data.columns import Column
from kerasdl.data.timeline import Timeline
from kerasdl.runs import compress, doctor, export, predict, prepare
from kerasdl.runs import folder as files
from kerasdl.tasks.task import Task
from kerasdl.utils import checks, schema, types
from kerasdl.utils.files import tupled


class Run:
    """A run folder.

    Attributes:
        path: The folder: config.json, history.csv, metrics.json, model.keras, figures/, events/.
        recipe: `kerasdl.recipes.Recipe`, what was run.
        trust: bool, whether code that came with its model may run: see `kerasdl.load_model`.
    """

    def __init__(self, path: str | pathlib.Path, recipe: prepare.Recipe, trust: bool = False):
        self.path = pathlib.Path(path)
        self.recipe = recipe
        self.trust = trust

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    @functools.cached_property
    def config(self) -> dict:
        """The content of config.json: recipe, info, fast, deterministic, numerics, versions."""
        return files.read_config(self.path / files.CONFIG)

    @functools.cached_property
    def info(self) -> data.Info:
        """Facts of the dataset: task, classes, shape, counts, vocabulary."""
        try:
            return _info(self.config["info"])
        except ValueError as error:
            raise schema.damaged(self.path / files.CONFIG, error) from None

    @functools.cached_property
    def task(self) -> Task:
        """The task that the model learned."""
        return prepare.task_for(self.recipe, self.info)

    @functools.cached_property
    def metrics(self) -> dict:
        """{"test": {metric: value}, "seconds": ..., "parameters": ...}."""
        return files.read_metrics(self.path / files.METRICS)

    @functools.cached_property
    def history(self) -> dict[str, list[float]]:
        """{"loss": [...], "val_loss": [...], ...}: one value an epoch, `None` if not recorded."""
        return files.read_history(self.path / files.HISTORY)

    @functools.cached_property
    def model(self) -> keras.Model:
        """The trained Keras model, loaded at the first access."""
        model = self._load_model()
        if not model.compiled:
            raise errors.InvalidInput("model of the run", "a compiled model", "one that is not")
        return model

    @functools.cached_property
    def _network(self):
        """The model without its optimizer, whose state is twice as large as the weights."""
        return self._load_model(compile=False)

    @property
    def _inference_model(self):
        """The model for predictions; its optimizer is not loaded for them."""
        return self.model if "model" in vars(self) else self._network

    def _load_model(self, compile=True):
        file = self.path / files.MODEL
        model = saving.load_model(file, trust=self.trust, compile=compile)
        prepare.check_model(model, self.recipe, self.task)
        return model

    @property
    def finished(self) -> bool:
        """Whether training and evaluation are finished."""
        return files.is_finished(self.path)

    def bars(self) -> list[tuple]:
        """Return each bar of the recipe, the value reached or `None`, and whether it is reached."""
        test = self.metrics["test"]
        return [(bar, test.get(bar.metric), bar.holds(test)) for bar in self.recipe.bars]

    def load_data(self) -> data.Splits:
        """Load the dataset that the run was trained on.

        The data are read; none are downloaded unless the run is trusted.

        Raises:
            InvalidInput: if its classes, its vocabulary or its shapes have changed since then.
        """
        recipe = self.recipe
        if recipe.data.startswith("tfds:") and not self.trust:
            options = {**recipe.data_options, "download": False}
            recipe = recipe.replace(data_options=options)
        splits = prepare.load_data(recipe, self.config["fast"])
        for fact in ("task", "shape", "classes", "vocabulary"):
            before, now = (getattr(info, fact) for info in (self.info, splits.info))
            if before != now:
                expected = f"the same {fact} as in training: {_brief(before)}"
                raise errors.InvalidInput(f"data `{self.recipe.data}`", expected, _brief(now))
        return splits

    def evaluate(self) -> dict[str, float]:
        """Evaluate the saved model on the test data again."""
        splits = self.load_data()
        with splits.naming_bad():
            return self.task.evaluate(self.model, splits.test)

    def predict(
        self,
        inputs: str | os.PathLike | Sequence[str | os.PathLike],
        *,
        keep_going: bool = False,
        pictures: bool = True,
        folder: str | os.PathLike | None = None,
    ) -> list[dict]:
        """Apply the model to image files, CSV files, prompts or seeds; return a row for each.

        The first call compiles the model; further calls take as long as reading the files and the
        model itself. Many files are read and predicted in batches.

        Args:
            inputs: One or more inputs. A folder or a pattern, such as "photos/*.jpg", stands for
                its files.
            keep_going: bool, whether an input that cannot be used gets a row with its "error", and
                the others are answered. By default the first such input raises an error.
            pictures: bool, whether to draw the answers if the task can: boxes, or reconstructions.
                They are PNG files, which the rows name as "drawn"; of many, the first 100.
            folder: Folder for these files and for generated images; by default the run folder.

        Raises:
            InvalidInput: if an input cannot be used, unless `keep_going`.
        """
        checks.flags(keep_going=keep_going, pictures=pictures)
        model = self._inference_model
        place = self.path if folder is None else pathlib.Path(folder)

        def answer(some):
            return self.task.predict(model, some, place)

        asked = predict.found(self.task, inputs)
        rows = predict.answers(answer, asked) if keep_going else answer(asked)
        if pictures:
            predict.draw(self.task, model, rows, place)
        return rows

    @property
    def streams(self) -> bool:
        """Whether `stream` can yield an answer while it is written."""
        return self.task.streams

    def stream(self, prompt: str) -> Iterator[str]:
        """Yield the answer to a prompt in pieces, as they are written.

        Args:
            prompt: str, the start of a text that a language model continues.

        Raises:
            InvalidInput: if the prompt cannot be used, or the task answers all at once.
        """
        if not self.streams:
            expected = "a run of a language model"
            raise errors.InvalidInput("run for `stream`", expected, f"one of {self.task.title}")
        return self.task.stream(self._inference_model, prompt)

    def write_answers(self, path: str | os.PathLike, rows: list[dict]) -> None:
        """Write what `predict` returned as a .csv file: file, answer, probability, ..., error.

        Args:
            path: The file; its folder is made.
            rows: list of dict, a row each.
        """
        predict.write_answers(pathlib.Path(path), rows, self.task)

    def explain(
        self,
        inputs: str | os.PathLike | Sequence[str | os.PathLike] = (),
        method: types.ExplainMethod | None = None,
    ) -> list[pathlib.Path]:
        """Draw figures of the run, or of the model on some inputs; return their paths.

        Training draws those of the run, unless `pictures=False` (`--no-pictures`).

        Args:
            inputs: Image files, or other inputs that the task takes. Folders and patterns stand for
                their files, as in `predict`. By default the figures are those of the run.
            method: str, a method of `kerasdl.explain.heat_maps`, which shows what in each image the
                prediction depends on; by default the figures are those that the task has.
        """
        if method is not None:
            errors.one_of("value for `method`", method, get_args(types.ExplainMethod))
            if not inputs:
                raise errors.InvalidInput("inputs", f"image files to explain by {method}", "none")
            asked = predict.found(self.task, inputs)
            drawings = self.task.heat_maps(self._inference_model, asked, method)
        elif inputs:
            drawings = self.task.explain(self.model, predict.found(self.task, inputs))
        else:
            drawings = self.task.figures(self.model, self.load_data(), self.history)
        drawn = files.save_figures(self.path, drawings)
        if not drawn:
            raise errors.InvalidInput("figures", "at least one that can be drawn", "none")
        return drawn

    def draw(self, task: Task, model: keras.Model, splits: data.Splits):
        """Draw the figures of a run and write examples for `predict`.

        A failure is reported by one line on standard error.
        """
        with files.surviving("figures"):
            files.save_figures(self.path, task.figures(model, splits, self.history))
        with files.surviving("examples"):
            task.write_examples(model, splits, self.path / "examples")

    def doctor(self) -> list[dict]:
        """Diagnose the run; return a row for each question: finding, evidence and advice."""
        return doctor.examine(self)

    def export(
        self,
        quantize: Sequence[types.ExportQuantization] = (),
        format: types.ExportFormat = "litert",
        input_type: types.InputType = "float32",
    ) -> list[dict[str, Any]]:
        """Write LiteRT or ONNX files and compare them with Keras; return a row for each file.

        Args:
            quantize: list of str, quantization methods; by default "none" and "int8".
            format: str, "litert" or "onnx".
            input_type: str, the type of inputs and outputs of int8 files, "float32" or "int8".
        """
        return export.export_run(self, quantize, format, input_type)

    def compress(
        self,
        *,
        max_drop: float = 0.005,
        methods: Sequence[str] | None = None,
        epochs: int | None = None,
        sparsity: float = 0.8,
        prefer: str = "size",
        input_type: types.InputType = "float32",
        progress: Callable[[str], None] = print,
        notice: Callable[[str], None] = lambda line: None,
    ) -> list[dict]:
        """Try compression methods and mark the smallest or fastest file within `max_drop`.

        Returns a row for each file.

        Args:
            max_drop: float, largest loss of accuracy.
            methods: list of str, from cheapest to most expensive; by default all.
            epochs: int, epochs of methods that train; by default a third of the run's.
            sparsity: float, fraction of zeros, for methods that prune.
            prefer: str, whether the best file is the one of the least "size" or "latency".
            input_type: str, "int8" for files whose inputs and outputs are int8, too.
            progress: function that gets each method's name as it starts.
            notice: function that gets a line about each file, and about the time that is left.
        """
        return compress.compress_run(
            self,
            max_drop=max_drop,
            methods=methods,
            epochs=epochs,
            sparsity=sparsity,
            prefer=prefer,
            input_type=input_type,
            progress=progress,
            notice=notice,
        )


def _info(values):
    """Return the `Info` of its JSON form, in which tuples are lists."""
    values = tupled(values)
    if columns := values.get("columns"):
        values["columns"] = tuple(Column(**column) for column in columns)
        if values["shape"] != (sum(column.width for column in values["columns"]),):
            raise ValueError("columns that do not fit the shape")
    if timeline := values.get("timeline"):
        values["timeline"] = Timeline(**timeline)
        if values["shape"][1:] != (values["timeline"].features,):
            raise ValueError("series that do not fit the shape")
    return data.Info(**values)


def _brief(value):
    text = str(value)
    return f"{text[:60]}..." if len(text) > 60 else text


def open_run(
    path: str | pathlib.Path,
    read_recipe: Callable[[dict], prepare.Recipe],
    *,
    data: Any = None,
    trust: bool = False,
    finished: bool = True,
) -> Run:
    """Open a run folder.

    Args:
        path: The folder.
        read_recipe: function from the JSON form of a recipe to a `Recipe`.
        data: The data that the run was trained on; by default what config.json names.
        trust: bool, whether code that came with its model may run.
        finished: bool, whether an interrupted run is refused.
    """
    path = pathlib.Path(path)
    if not (path / files.CONFIG).is_file():
        raise errors.InvalidInput("run folder", "a folder that `kerasdl train` wrote", path)
    if finished and not files.is_finished(path):
        expected = "a finished run (the command that started it continues it)"
        raise errors.InvalidInput("run folder", expected, f"{path}, which was interrupted")
    recipe = recipe_in(path, read_recipe)
    run = Run(path, recipe if data is None else _on(recipe, data), trust)
    _ = run.task, run.finished and run.metrics  # or say what is wrong with them
    return run


def _on(recipe, data):
    """Return the recipe of a run on the data that are given instead of named."""
    given = in_memory.named(data)
    if recipe.data.startswith(in_memory.PREFIX) and given != recipe.data:
        expected = f"those that the run was trained on, {recipe.data}"
        raise errors.InvalidInput("data of the run", expected, given)
    return dataclasses.replace(recipe, data=given)


def recipe_in(path: pathlib.Path, read_recipe: Callable[[dict], prepare.Recipe]) -> prepare.Recipe:
    """Return the recipe in a run folder's config.json.

    Args:
        path: The folder.
        read_recipe: function from the JSON form of a recipe to a `Recipe`.
    """
    file = path / files.CONFIG
    config = files.read_config(file)
    try:
        return read_recipe(config["recipe"])
    except (TypeError, ValueError) as error:
        raise schema.damaged(file, error) from None
