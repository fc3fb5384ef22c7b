"""The splits of a dataset: as stored (`Source`) and as pipelines (`Splits`)."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from kerasdl.data import bad_examples, kinds
from kerasdl.data.examples import Arrays, Examples

if TYPE_CHECKING:  # importing kerasdl.data imports neither
    import keras
    import tensorflow as tf

    from kerasdl.data.timeline import Timeline

NAMES = ("train", "validation", "test")


# a split as a `Source` takes it; (inputs, targets) in memory become `Arrays`
Part: TypeAlias = Examples | Any


@dataclasses.dataclass(frozen=True)
class Source:
    """A dataset as it is stored, before it becomes pipelines. Every set and reader returns one.

    Args:
        task: str, the kind of data; see `kerasdl.data.kinds`.
        train: `Examples`, or (inputs, targets) in memory: arrays, or tuples or dictionaries of
            arrays, whose first dimension is that of the examples.
        validation: The same, or None.
        test: The same, or None.
        classes: tuple of str, names of the classes or tags, or None.
        vocabulary: tuple of str, the text of each token number, or None.
        target_scale: (mean, deviation) that undo the standardization of regression targets; with
            several targets, a tuple of each.
        columns: A `Column` for each column of a table, in the order of the input.
        target: Name of the column that a table's model predicts, names with commas, or None.
        files: dict, file names of the examples of each split, if examples are files.
        skipped: `Skipped`, the invalid examples that were left out, or None.
        notes: tuple of str, how the data were understood, such as what became of each column.
        outputs: tuple of str, names of the targets if a regression has several, or None.
        vary: function (inputs, targets, seed=, epoch=, rows=) -> (inputs, targets) that makes the
            training examples of each epoch anew, or None.
        timeline: `Timeline`, how a table with times became windows of series, or None.
    """

    task: str
    train: Part
    validation: Part | None
    test: Part | None
    classes: tuple | None = None
    vocabulary: tuple | None = None
    target_scale: tuple | None = None
    columns: tuple | None = None
    target: str | None = None
    files: dict | None = None
    skipped: bad_examples.Skipped | None = None
    notes: tuple = ()
    outputs: tuple | None = None
    vary: Callable | None = None
    timeline: "Timeline | None" = None

    def __post_init__(self):
        for split in NAMES:
            part = getattr(self, split)
            if isinstance(part, tuple):
                object.__setattr__(self, split, Arrays(*part))

    @property
    def kind(self) -> kinds.Kind:
        """The kind of data."""
        return kinds.get(self.task)

    def splits(self) -> dict[str, Examples | None]:
        """The three splits by name."""
        return {split: getattr(self, split) for split in NAMES}

    def counts(self) -> dict[str, int]:
        """Number of examples of each split."""
        return {split: len(part) if part else 0 for split, part in self.splits().items()}

    def map(self, change: Callable[[Examples], Examples]) -> "Source":
        """Change the examples of all splits."""
        changed: dict[str, Any] = {
            split: part and change(part) for split, part in self.splits().items()
        }
        return dataclasses.replace(self, **changed)


@dataclasses.dataclass(frozen=True)
class Info:
    """Facts about a loaded dataset.

    Args:
        name: str, as given to `load`.
        task: str, the kind of data; see `kerasdl.data.kinds`.
        classes: tuple of str, names of the classes or tags, or None.
        shape: Shape of one input, or a tuple of shapes.
        counts: dict, number of examples of each split.
        card: str, a description in a few lines.
        vocabulary: tuple of str, the text of each token number, or None.
        target_scale: (mean, deviation) that undo the standardization of regression targets; with
            several targets, a tuple of each.
        columns: A `Column` for each column of a table, in the order of the input.
        target: Name of the column that a table's model predicts, names with commas, or None.
        files: dict, file names of the examples of each split, if examples are files.
        skipped: `Skipped`, the invalid examples that were left out, or None.
        replicas: tuple of int, examples of each replica if replicas read whole files.
        notes: tuple of str, how the data were understood, such as what became of each column.
        class_counts: tuple of int, training examples of each class; None if that is not known
            without reading all of them.
        outputs: tuple of str, names of the targets if a regression has several, or None.
        timeline: `Timeline`, how a table with times became windows of series, or None.
    """

    name: str
    task: str
    classes: tuple | None
    shape: tuple
    counts: dict
    card: str
    vocabulary: tuple | None = None
    target_scale: tuple | None = None
    columns: tuple | None = None
    target: str | None = None
    files: dict | None = None
    skipped: bad_examples.Skipped | None = None
    replicas: tuple | None = None
    notes: tuple = ()
    class_counts: tuple | None = None
    outputs: tuple | None = None
    timeline: "Timeline | None" = None

    @property
    def kind(self) -> kinds.Kind:
        """The kind of data: what an example holds, and how the arrays are structured."""
        return kinds.get(self.task)


@dataclasses.dataclass(frozen=True)
class Splits:
    """The splits of a dataset as tf.data pipelines of batches (inputs, targets).

    Args:
        train: tf.data.Dataset, shuffled by seed and epoch, and augmented if `load` has `augment`.
        validation: tf.data.Dataset in order, never augmented; None if there is none.
        test: tf.data.Dataset in order, never augmented; None if there is none.
        info: `Info`, facts about the dataset.
        epoch: tf.Variable, the epoch that `train` gave last; each pass over `train` adds one.
        rest: Function from a step to a dataset of the batches of `train` from that step on.
        find_bad: Function behind `check`.
    """

    train: "tf.data.Dataset"
    validation: "tf.data.Dataset | None"
    test: "tf.data.Dataset | None"
    info: Info
    epoch: "tf.Variable"
    rest: "Callable[[int], tf.data.Dataset] | None" = None
    find_bad: Callable[[], None] | None = None

    def check(self) -> None:
        """Read the examples of an epoch again; raise an error for the first that cannot be read.

        Examples in memory are not read again. Training examples come in the order of the current
        epoch, so after an epoch failed this takes no longer than the epoch did.
        """
        if self.find_bad:
            self.find_bad()

    @contextlib.contextmanager
    def naming_bad(self) -> Iterator[None]:
        """Replace TensorFlow's error about an unreadable example by one that names the example."""
        import tensorflow as tf

        try:
            yield
        except (tf.errors.OpError, UnicodeDecodeError):  # messages may quote any bytes of a record
            self.check()
            raise

    def order_callback(self) -> "keras.callbacks.Callback":
        """Return a Keras callback that gives epoch e of `fit` the order and augmentation of e.

        With it, `fit(initial_epoch=e)` gets exactly the examples of an uninterrupted run. A `fit`
        of new splits from the first epoch on does not need it.
        """
        import keras

        # iterating adds one
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.epoch.assign(epoch - 1)
        )
