"""The base class of all tasks, and what several tasks share."""

import abc
import dataclasses
import functools
import math
import pathlib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from kerasdl import data, errors, explain
from kerasdl.data import images
from kerasdl.data.readers import folder, table
from kerasdl.utils import files
from kerasdl.utils.types import ExplainMethod

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# `optimizer(learning_rate=..., **options)` makes the optimizer of a training run
MakeOptimizer = Callable[..., keras.Optimizer]
# inputs from files that are predicted at once: numbers in a batch, 16 MB, and examples
LARGEST_BATCH, MOST_EXAMPLES = 2**22, 1024
# figures are drawn one by one, so that a failure of one does not prevent the others
Drawings = dict[str, Callable[[], "Figure"]]


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number that a task's evaluation reports.

    Args:
        name: str, its key in the results.
        direction: str, "max" if larger is better, "min" if smaller is.
        meaning: str, what it measures, for model cards.
    """

    name: str
    direction: str
    meaning: str

    def is_better(self, a: float, b: float) -> bool:
        """Return whether the value `a` is better than `b`."""
        return a > b if self.direction == "max" else a < b

    def best(self, values: Iterable[float]) -> float:
        """Return the best of several values."""
        return max(values) if self.direction == "max" else min(values)


@dataclasses.dataclass(frozen=True)
class Criterion:
    """The rule by which a compressed file is as good as the float file.

    Args:
        metric: str, the number of `Task.measure` that decides.
        text: str, the rule in words.
        holds: function from the file's and the float file's numbers to True or False.
    """

    metric: str
    text: str
    holds: Callable[[float, float], bool]


@dataclasses.dataclass(frozen=True)
class Export:
    """A network to convert, with real inputs to calibrate and verify the file with.

    Args:
        model: keras.Model.
        inputs: numpy array, examples of its input; a tuple of arrays for several inputs.
        labels: numpy array, classes of the inputs; `None` if it is no classifier.
        activation: str, the activation that the file applies to the outputs, such as "softmax".
        floats_only: bool, whether its activations stay floats in all files. Boxes are chosen by
            comparing scores and overlaps, many of which would be equal as 8-bit integers.
    """

    model: keras.Model
    inputs: np.ndarray | tuple[np.ndarray, ...]
    labels: np.ndarray | None = None
    activation: str | None = None
    floats_only: bool = False

    def first(self, count: int) -> Any:
        """Return the first examples of the inputs."""
        return keras.tree.map_structure(lambda array: array[:count], self.inputs)

    @property
    def shape(self) -> tuple:
        """The shape of one input; of several, a tuple of shapes."""
        return keras.tree.map_structure(lambda array: array.shape[1:], self.inputs)

    @property
    def has_free_size(self) -> bool:
        """Whether the network takes inputs of any size, which a file cannot."""
        return any(None in tensor.shape[1:] for tensor in self.model.inputs)


class Task(abc.ABC):
    """A kind of problem, such as classification: its loss, metrics, figures and exported files.

    A task is made for one dataset, with the options of one recipe:

        task = tasks.create("classification", splits.info, {"label_smoothing": 0.1})
        model = create_model("mlp", **task.model_options())
        task.compile(model, optimizer)
        model.fit(task.prepare(splits.train))
        task.evaluate(model, splits.test)

    Args:
        info: `kerasdl.data.Info`, facts of the dataset.
        options: dict, values that replace those of `defaults`.

    Attributes:
        title: str, the task in an error message.
        kinds: tuple of str, the kinds of data it takes (`info.task`).
        otherwise: tuple of str, the tasks that take over for other kinds of data.
        defaults: dict, its options and their default values.
        table_options: dict, options of `kerasdl.data.load` with which it reads tables.
        metrics: tuple of `Metric`, what `evaluate` and `measure` report.
        criterion: `Criterion`, by which compressed files are accepted.
        has_head: bool, whether the last layer of its networks gives the outputs of the dataset, so
            that the other layers can be reused for other outputs.
        early_stopping: bool, whether training may stop when the validation loss stops falling.
        takes_files: bool, whether the inputs of `predict` are files rather than texts.
        streams: bool, whether `stream` yields an answer while it is written.
        drawn: str, what `explain` draws of an input that belongs to the answer, such as "boxes".
        usage: str, how an exported file is used, with code, for model cards.
        keras_usage: str, a line of code that uses the Keras model.
    """

    title: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    otherwise: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})
    table_options: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})
    metrics: ClassVar[tuple[Metric, ...]]
    criterion: ClassVar[Criterion]
    has_head: ClassVar[bool] = False
    early_stopping: ClassVar[bool] = True
    takes_files: ClassVar[bool] = True
    streams: ClassVar[bool] = False
    drawn: ClassVar[str] = ""
    _compiled: tuple[Any, Any] = (None, None)  # a model, and `outputs` of it
    usage: ClassVar[str]
    keras_usage: ClassVar[str]

    def __init__(self, info: data.Info, options: dict | None = None):
        self.info = info
        self.options = {**self.defaults, **(options or {})}
        self.check_data()

    def check_data(self) -> None:
        """Raise `InvalidInput` if data of the right kind still cannot be used."""
        return

    @abc.abstractmethod
    def model_options(self) -> dict:
        """Return the model's sizes that follow from the data."""

    def prepare(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Convert a dataset of the splits to the form that the model's `fit` takes."""
        return dataset

    def prepare_train(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Convert the training split; tasks may weight its examples in the loss."""
        return self.prepare(dataset)

    @property
    def class_weights(self) -> dict[str, float] | None:
        """The weight of each class in the training loss; `None` if all are one."""
        return None

    @abc.abstractmethod
    def compile(self, model: keras.Model, optimizer: MakeOptimizer, **settings):
        """Compile the model with loss, optimizer and metrics.

        Args:
            model: keras.Model, to train on the data of the task.
            optimizer: function that makes the optimizer.
            **settings: Further arguments of `keras.Model.compile`, such as `jit_compile`.
        """

    def check_model(self, model: keras.Model):
        """Raise `InvalidInput` if a model is of another kind, or its parts do not fit the data."""
        return

    @abc.abstractmethod
    def evaluate(self, model: keras.Model, dataset: tf.data.Dataset) -> dict[str, float]:
        """Return the metrics of a trained model on a split of the data."""

    def baselines(self, splits: data.Splits) -> dict[str, dict[str, float]]:
        """Return metrics of simpler models on the same splits, by name; by default of none."""
        return {}

    @abc.abstractmethod
    def figures(self, model: keras.Model, splits: data.Splits, history: dict) -> Drawings:
        """Return figures of a finished run: a dict from file names to functions that draw."""

    def write_examples(self, model: keras.Model, splits: data.Splits, folder: pathlib.Path):
        """Write inputs for `kerasdl predict` into a folder, if there are any."""
        return

    @abc.abstractmethod
    def predict(
        self, model: keras.Model, inputs: Sequence[str], folder: pathlib.Path
    ) -> list[dict]:
        """Apply the model to the user's inputs; return a row for each answer.

        Args:
            inputs: list of str: files, prompts or seeds.
            folder: Folder for files that are part of the answer, such as images.
        """

    def stream(self, model: keras.Model, prompt: str) -> Iterator[str]:
        """Yield the answer to a prompt in pieces, as they are written, if the task `streams`."""
        raise NotImplementedError

    def outputs(self, model: keras.Model, inputs: tf.Tensor) -> Any:
        """Return what `predict` and `evaluate` need of the model for a batch of inputs."""
        return model(inputs, training=False)

    def apply(self, model: keras.Model, inputs: Any) -> Any:
        """Return `outputs` as arrays; the function is compiled once for batches of any size.

        Args:
            model: keras.Model.
            inputs: tensor or numpy array, a batch of inputs with the shape of the data's.
        """
        inputs = tf.convert_to_tensor(inputs)
        if self._compiled[0] is not model:
            batch = tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype)
            call = functools.partial(self.outputs, model)
            self._compiled = model, tf.function(call, [batch], autograph=False)
        return keras.tree.map_structure(np.asarray, self._compiled[1](inputs))

    def apply_all(
        self, model: keras.Model, dataset: tf.data.Dataset
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the outputs for all inputs of a dataset, and its targets."""
        pairs = [(self.apply(model, inputs), targets.numpy()) for inputs, targets in dataset]
        outputs, targets = zip(*pairs, strict=True)
        return np.concatenate(outputs), np.concatenate(targets)

    def predict_files(
        self, model: keras.Model, paths: Sequence[str]
    ) -> Iterator[tuple[list[dict], np.ndarray, Any]]:
        """Read the inputs in files and apply the model to them, in batches.

        Args:
            model: keras.Model.
            paths: list of str, image files, or .csv files if the inputs are rows of a table.

        Yields:
            For each batch, the start of a row that locates each input, the inputs and the outputs.
        """
        for places, inputs in self.read_batches(paths):
            yield places, inputs, self.apply(model, inputs)

    def explain(self, model: keras.Model, inputs: Sequence[str]) -> Drawings:
        """Return figures of the model on some inputs: a dict from file names to functions."""
        expected = f"none ({self.title} has no figures of single inputs)"
        raise errors.InvalidInput("input", expected, inputs[0])

    def heat_maps(
        self, model: keras.Model, inputs: Sequence[str], method: ExplainMethod
    ) -> Drawings:
        """Return figures of what in images the largest output depends on, as `explain` does.

        Args:
            model: keras.Model.
            inputs: list of str, image files.
            method: str, a method of `explain.heat_maps`.
        """
        pictures = self.read_images(inputs)
        heat = explain.heat_maps(model, pictures, method)
        outputs = keras.tree.flatten(self.apply(model, pictures))[0]
        names = self.info.classes or ()
        found = zip(files.stems(inputs), pictures, heat, outputs, strict=True)
        return {
            f"{method}-{name}": functools.partial(
                explain.overlay,
                picture[None],
                map_[None],
                [names[output.argmax()]] if len(names) == output.size else None,
            )
            for name, picture, map_, output in found
        }

    @abc.abstractmethod
    def exports(self, model: keras.Model, splits: data.Splits) -> dict[str, Export]:
        """Return the networks to convert for a device, by name."""

    @abc.abstractmethod
    def measure(self, parts: dict[str, Callable], model: keras.Model, splits: data.Splits) -> dict:
        """Measure the exported parts on the test split.

        The numbers are deterministic, so that files can be compared.

        Args:
            parts: dict, functions of arrays (a file's or a network's), by the names of `exports`.
            model: keras.Model, for numbers that compare with it.
            splits: The data.
        """

    @property
    def objective(self) -> Metric:
        """The metric by which trials of a hyperparameter search are compared."""
        return self.metrics[0]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of the files that are inputs for `predict`; none if the inputs are texts."""
        if not self.takes_files:
            return ()
        return (*table.SEPARATED, ".parquet") if self.info.columns else folder.SUFFIXES

    @property
    def shown_in_demo(self) -> bool:
        """Whether the browser page can run the exported files."""
        return False

    def check_shape(self, shape: tuple):
        """Raise `InvalidInput` unless the shape of a batch is that of the data's inputs."""
        if tuple(shape[1:]) != tuple(self.info.shape):
            raise errors.InvalidInput("image shape of the model", str(self.info.shape), shape[1:])

    def check_network(self, model: keras.Model, outputs: int):
        """Raise `InvalidInput` unless a model gives `outputs` numbers for an input of the data."""
        expected = [(None, *self.info.shape)], [(None, outputs)]
        found = tuple(
            [tuple(getattr(tensor, "shape", ())) for tensor in keras.tree.flatten(tensors)]
            for tensors in (model.inputs, model.outputs)
        )
        if not all(map(_fit, found, expected)):
            shapes = [", ".join(map(str, part)) for part in (*expected, *found)]
            raise errors.InvalidInput(
                f"model for {self.title}",
                f"a network from {shapes[0]} to {shapes[1]}",
                f"{model.name}, from {shapes[2]} to {shapes[3]}",
            )

    def part_of(self, model: keras.Model, name: str) -> keras.Model:
        """Return a network inside a learner; raise `InvalidInput` if the model has no such part."""
        if not hasattr(model, name):
            expected = f"a model with a network `{name}`"
            raise errors.InvalidInput(f"model for {self.title}", expected, model.name)
        return getattr(model, name)

    def require(self, fact: str):
        """Raise `InvalidInput` unless the data has "classes" or a "vocabulary", as named."""
        if not getattr(self.info, fact):
            expected = f"data with {fact} for {self.title}"
            raise errors.InvalidInput("data", expected, f"{self.info.name}, without")

    def require_images(self) -> None:
        """Raise `InvalidInput` unless the inputs are images."""
        if len(self.info.shape) != 3:
            received = f"{self.info.name}, whose inputs have the shape {self.info.shape}"
            raise errors.InvalidInput("data", f"images for {self.title}", received)

    def read_images(self, paths: Sequence[str]) -> np.ndarray:
        """Read image files as an array (files, height, width, channels) in [0, 1] for the model."""
        self._check_images(paths)
        height, width, channels = self.info.shape
        return images.pixels(paths, (height, width), channels)

    def _check_images(self, paths):
        if len(self.info.shape) != 3:
            expected = "a run on images or on rows of a table (for others use `Run.model`)"
            raise errors.InvalidInput("run for an input", expected, self.info.name)
        _check_files(paths, "an image file")

    def read_batches(self, paths: Sequence[str]) -> Iterator[tuple[list[dict], np.ndarray]]:
        """Read the inputs in files, in batches of bounded memory.

        Args:
            paths: list of str, image files, or .csv files if the inputs are rows of a table; or
                patterns of them, such as "photos/*.jpg".

        Yields:
            For each batch, the start of a row that locates each input, and an array of the inputs.
        """
        paths = [file for path in paths for file in files.matching(path)]
        columns = self.info.columns or ()
        if columns:  # all files, before any is read
            _check_files(paths, "a .csv file")
        else:
            self._check_images(paths)
        count = max(1, min(MOST_EXAMPLES, LARGEST_BATCH // math.prod(self.info.shape)))
        for first in range(0, len(paths), 1 if columns else count):
            if columns:
                lines, inputs = table.read_inputs(paths[first], columns, self.info.target)
                places = [{"input": paths[first], "line": line} for line in lines]
            else:
                some = paths[first : first + count]
                places, inputs = [{"input": path} for path in some], self.read_images(some)
            for start in range(0, len(places), count):
                yield places[start : start + count], inputs[start : start + count]


def _fit(found, expected):
    """Return whether the shapes of tensors are as expected, or of any size in a dimension."""
    return [len(shape) for shape in found] == [len(shape) for shape in expected] and all(
        size in (None, other)
        for shape, others in zip(found, expected, strict=True)
        for size, other in zip(shape, others, strict=True)
    )


def _check_files(paths, expected):
    for path in paths:
        if not pathlib.Path(path).is_file():
            kind = (
                "a folder with no file of that kind" if pathlib.Path(path).is_dir() else "no file"
            )
            raise errors.InvalidInput("input", expected, f"{path}, which is {kind}")


def compile_and_build(model: keras.Model, optimizer: keras.Optimizer, loss: Any = None, **settings):
    """Compile a model and build its optimizer; otherwise `fit` would trace its step twice.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> compile_and_build(model, keras.optimizers.SGD(), "mse")
        >>> model.optimizer.built
        True
    """
    model.compile(optimizer, loss, **settings)
    model.optimizer.build(model.trainable_variables)


def gather(dataset: tf.data.Dataset, count: int | None = None) -> tuple[np.ndarray, ...]:
    """Return the first `count` examples of a batched dataset as arrays; by default all.

    Example:
        >>> dataset = tf.data.Dataset.from_tensor_slices(([1, 2, 3, 4], [5, 6, 7, 8])).batch(2)
        >>> gather(dataset, 3)
        (array([1, 2, 3], dtype=int32), array([5, 6, 7], dtype=int32))
    """
    batches, seen = [], 0
    for batch in dataset.as_numpy_iterator():
        batches.append(batch if isinstance(batch, tuple) else (batch,))
        seen += len(batches[-1][0])
        if count and seen >= count:
            break
    return tuple(np.concatenate(parts)[:count] for parts in zip(*batches, strict=True))


def save_images(splits: data.Splits, folder: pathlib.Path):
    """Write one test image of each class or tag into the folder, named after it.

    Example:
        >>> import tempfile
        >>> from kerasdl import data
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_images(data.load("digits"), pathlib.Path(folder))
        ...     print(len(list(pathlib.Path(folder).iterdir())))
        10
    """
    if not splits.info.classes or len(splits.info.shape) != 3:
        return
    folder.mkdir(exist_ok=True)
    pictures, labels = gather(splits.test)
    for label, name in enumerate(splits.info.classes):
        has = labels[:, label] == 1 if labels.ndim == 2 else labels == label
        for picture in pictures[has][:1]:
            with files.atomic(folder / f"{files.safe_name(name)}.png") as partial:
                keras.utils.save_img(partial, picture * 255, scale=False)
