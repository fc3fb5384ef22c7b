"""What `load` gives, and what a set's function gives to `load`."""

import contextlib
import dataclasses
from typing import Any

from kerasdl.data import bad_examples, splitting


@dataclasses.dataclass(frozen=True)
class Source:
    """Arrays of each split, before they become pipelines.

    Args:
        task: See `kerasdl.data`.
        train: Inputs and targets; each an array, or a tuple or dictionary of arrays.
        validation: The same, or `None`.
        test: The same.
        classes: Names of the classes, or `None`.
        vocabulary: Tokens by number, or `None`.
        target_scale: Mean and deviation that undo a regression target's standardisation.
        columns: A `Column` for each of a table's, in the order of the input.
        target: Name of the column that a table's model predicts, or `None`.
        files: The files of each split, where examples are files.
        decode: What makes an input of what `train` holds, example by example, every epoch.
        place: From a split and a row to where the example is, for those that are decoded.
        skipped: What was bad and is left out, a `bad_examples.Skipped`.
    """

    task: str
    train: tuple
    validation: tuple | None
    test: tuple
    classes: tuple | None = None
    vocabulary: tuple | None = None
    target_scale: tuple | None = None
    columns: tuple | None = None
    target: str | None = None
    files: dict | None = None
    decode: Any = None
    place: Any = None
    skipped: bad_examples.Skipped | None = None

    def counts(self):
        """Number of examples of each split."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: splitting.count(part) if part else 0 for split, part in parts.items()}


@dataclasses.dataclass(frozen=True)
class Info:
    """What is known about a loaded set.

    Args:
        name: As given to `load`.
        task: "classification", "regression", "points", "text", "translation", "sequence"
            or "elements".
        classes: Names of the classes, or `None`.
        shape: Shape of one input, or a tuple of shapes.
        counts: Number of examples of each split.
        card: What the set is, in a few lines.
        vocabulary: Tokens by number, or `None`.
        target_scale: Mean and deviation that undo a regression target's standardisation.
        columns: A `Column` for each of a table's, in the order of the input.
        target: Name of the column that a table's model predicts, or `None`.
        files: The files of each split, where examples are files.
        skipped: What was bad and is left out, a `bad_examples.Skipped`.
        replicas: Examples of each replica, where they share by file.
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


@dataclasses.dataclass(frozen=True)
class Splits:
    """Three pipelines and what is known about them.

    Args:
        train: Shuffled by seed and epoch, and augmented if asked for.
        validation: In order, never augmented; `None` if there is none.
        test: In order, never augmented.
        info: An `Info`.
        epoch: The epoch that `train` gave last; each pass over `train` adds one.
        rest: From a step to what `train` gives from there on.
        find_bad: See `check`.
    """

    train: Any
    validation: Any
    test: Any
    info: Info
    epoch: Any
    rest: Any = None
    find_bad: Any = None

    def check(self):
        """Read again what is read every epoch; raise for the first example that cannot be.

        What is kept in memory was read by `load`. Of the training split, the order is the current
        epoch's: after an epoch that failed, it takes no longer than the epoch did.
        """
        if self.find_bad:
            self.find_bad()

    @contextlib.contextmanager
    def naming_bad(self):
        """Within it, what cannot be read is an error that names it, whatever TensorFlow says."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError:
            self.check()
            raise

    def order_callback(self):
        """A callback that makes epoch e of `fit` see epoch e's order and augmentation.

        With it, `fit(initial_epoch=e)` sees exactly what an uninterrupted run would have seen.
        """
        import keras

        # iterating adds one
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.epoch.assign(epoch - 1)
        )
