"""What the doctor looks at, and what it says."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from kerasdl.diagnosis import insides
from kerasdl.errors import InvalidInput

SAMPLE = 1000  # examples that are looked at


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Args:
        name: What it is called, such as "learning rate too high".
        evidence: What was measured.
        advice: What to try next.
    """

    name: str
    evidence: str
    advice: str

    def __str__(self):
        return f"{self.name}: {self.evidence}; try {self.advice}"


@dataclasses.dataclass(frozen=True)
class Case:
    """A training run.

    Args:
        model: The trained model, compiled.
        train: What it was trained on: batches of (inputs, labels) or of inputs.
        validation: The same, or `None`.
        history: {"loss": [...], "val_loss": [...], ...}, a number an epoch.
        fresh: Gives the model as it was before training, compiled; `None` where nothing can.
    """

    model: keras.Model
    train: tf.data.Dataset
    validation: tf.data.Dataset | None
    history: dict
    fresh: Callable[[], keras.Model] | None = None

    def __post_init__(self):
        if not isinstance(self.history, Mapping):
            expected = "a dict, such as fit(...).history"
            raise InvalidInput("argument `history`", expected, repr(self.history)[:80])
        for name, data in {"train": self.train, "validation": self.validation}.items():
            if not isinstance(data, tf.data.Dataset) and not (data is None and name != "train"):
                received = type(data).__name__
                raise InvalidInput(f"argument `{name}`", "a tf.data.Dataset of batches", received)

    @functools.cached_property
    def newborn(self) -> keras.Model:
        """The model before training, or the trained one."""
        return self.fresh() if self.fresh else self.model

    @functools.cached_property
    def batches(self) -> list:
        """Of the training data as it comes."""
        found, seen = [], 0
        for batch in self.train.as_numpy_iterator():
            found.append(batch if isinstance(batch, tuple) else (batch,))
            seen += len(keras.tree.flatten(found[-1])[0])
            if seen >= SAMPLE:
                break
        if not found:
            raise InvalidInput("training data", "at least one batch", "none")
        return found

    @functools.cached_property
    def inputs(self) -> np.ndarray | None:
        """Of `batches`, where they are one array of numbers: integers are where none are names."""
        arrays = [batch[0] for batch in self.batches]
        kinds = "fui" if insides.counts(self.model) else "f"
        if not all(isinstance(array, np.ndarray) and array.dtype.kind in kinds for array in arrays):
            return None
        return np.concatenate(arrays)

    @functools.cached_property
    def labels(self) -> list | None:
        """Of `batches`, each an array of classes, where they are classes."""
        found = [_classes(batch[1]) for batch in self.batches if len(batch) > 1]
        return found if found and all(labels is not None for labels in found) else None

    @functools.cached_property
    def others(self) -> np.ndarray | None:
        """Inputs of the validation data."""
        if self.validation is None or self.inputs is None:
            return None
        batches = itertools.islice(self.validation.as_numpy_iterator(), 20)
        return np.concatenate([b[0] if isinstance(b, tuple) else b for b in batches])[:SAMPLE]

    @property
    def judges(self) -> int:
        """How many examples of the validation data, at most `SAMPLE` batches, there are."""
        batches = self.validation.take(SAMPLE) if self.validation else ()
        return max(1, sum(len(keras.tree.flatten(batch)[0]) for batch in batches))

    @property
    def loss(self) -> np.ndarray:
        return np.array(self.history.get("loss", ()), float)

    @property
    def validation_loss(self) -> np.ndarray:
        return np.array(self.history.get("val_loss", ()), float)

    @property
    def least_loss(self) -> float:
        """What labels that were smoothed leave of the loss when all is right."""
        smoothing = float(getattr(self.model.loss, "label_smoothing", 0.0) or 0.0)
        if not smoothing or not self.classifies:
            return 0.0
        classes = np.shape(self.batches[0][1])[-1]
        others = smoothing / classes
        right = 1 - smoothing + others
        return -right * np.log(right) - (classes - 1) * others * np.log(others)

    @property
    def loss_name(self) -> str:
        """Of the loss and what it is made from, in small letters without underscores."""
        return insides.loss_name(self.model.loss)

    @property
    def shares(self) -> np.ndarray | None:
        """Of the classes that there are, where there are any."""
        if not self.classifies:
            return None
        counts = np.bincount(np.concatenate(self.labels))
        return counts[counts > 0] / counts.sum()

    @property
    def guessing(self) -> float | None:
        """The loss in nats of one who knows the shares of the classes only; `None` if it is no
        cross-entropy, or if penalties of weights are part of it."""
        if "crossentropy" not in self.loss_name or self.model.losses or not self.classifies:
            return None
        return -float(np.sum(self.shares * np.log(self.shares)))

    @property
    def validated(self) -> list | None:
        """The share of the validation data that is right, a number an epoch; `None` if unknown."""
        names = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")
        return next((self.history[f"val_{n}"] for n in names if f"val_{n}" in self.history), None)

    @property
    def classifies(self) -> bool:
        return self.labels is not None

    @property
    def supervised(self) -> bool:
        """Whether the loss is a function of labels and outputs."""
        return bool(self.model.loss) and len(self.batches[0]) > 1


def _classes(labels):
    if not isinstance(labels, np.ndarray) or not labels.ndim:
        return None
    if labels.ndim == 2 and labels.shape[1] > 1 and np.allclose(labels.sum(axis=1), 1, atol=1e-3):
        return labels.argmax(axis=1)
    flat = labels.reshape(-1)
    whole = labels.size == len(labels) and np.all(flat == np.round(flat))
    return flat.astype(int) if whole and len(np.unique(flat)) <= 100 else None
