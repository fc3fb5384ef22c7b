"""The training run that the doctor examines, and what it finds."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from kerasdl.diagnosis import introspection
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

SAMPLE = 1000  # examples to examine
ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem that the doctor found.

    Args:
        name: str, what the problem is called, such as "learning rate too high".
        evidence: str, the measurements that show it.
        advice: str, what to try; it completes "try ...".
    """

    name: str
    evidence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}; try {self.advice}"


@dataclasses.dataclass(frozen=True)
class Case:
    """A training run to examine.

    Args:
        model: `keras.Model`, the trained model, compiled.
        train: `tf.data.Dataset` it was trained on: batches of (inputs, labels), or of inputs.
        validation: `tf.data.Dataset` of the same kind; `None` if there was none.
        history: dict, a list of one number per epoch for each metric: {"loss": [...], "val_loss":
            [...]}. Lists may be empty or shorter than others, as after an interruption.
        fresh: function that returns the model as it was before training, compiled. Without it
            (`None`), questions that need a new training are skipped.
    """

    model: keras.Model
    train: tf.data.Dataset
    validation: tf.data.Dataset | None
    history: Mapping[str, list]
    fresh: Callable[[], keras.Model] | None = None

    def __post_init__(self):
        checks.models(model=self.model)
        checks.callables(fresh=self.fresh, optional=True)
        if not isinstance(self.history, Mapping):
            expected = "a dict, such as fit(...).history"
            raise InvalidInput("argument `history`", expected, repr(self.history)[:80])
        for name, values in self.history.items():
            kinds = int | float | np.number | None
            listed = isinstance(values, list | tuple | np.ndarray)
            if not listed or not all(isinstance(value, kinds) for value in values):
                expected = f"a list of numbers for `{name}`"
                raise InvalidInput("argument `history`", expected, repr(values)[:80])
        for name, data in {"train": self.train, "validation": self.validation}.items():
            if not isinstance(data, tf.data.Dataset) and not (data is None and name != "train"):
                received = type(data).__name__
                raise InvalidInput(f"argument `{name}`", "a tf.data.Dataset of batches", received)

    @functools.cached_property
    def untrained(self) -> keras.Model:
        """The model before training; the trained one if that cannot be made."""
        return self.fresh() if self.fresh else self.model

    @functools.cached_property
    def batches(self) -> list[tuple]:
        """The first batches of the training data, up to about `SAMPLE` examples."""
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
        """Inputs of `batches`; `None` unless they are one array of quantities.

        Integers count as quantities (pixels) only if the model does not look them up (tokens).
        """
        arrays = [batch[0] for batch in self.batches]
        kinds = "fui" if introspection.takes_quantities(self.model) else "f"
        if not all(isinstance(array, np.ndarray) and array.dtype.kind in kinds for array in arrays):
            return None
        return np.concatenate(arrays)

    @functools.cached_property
    def labels(self) -> list[np.ndarray] | None:
        """Class numbers of each of `batches`; `None` unless the labels are classes."""
        found = [class_numbers(batch[1]) for batch in self.batches if len(batch) > 1]
        return found if found and all(labels is not None for labels in found) else None

    @functools.cached_property
    def validation_batches(self) -> list[tuple]:
        """The first batches of the validation data, at most 20."""
        if self.validation is None:
            return []
        batches = itertools.islice(self.validation.as_numpy_iterator(), 20)
        return [batch if isinstance(batch, tuple) else (batch,) for batch in batches]

    @functools.cached_property
    def validation_inputs(self) -> np.ndarray | None:
        """Inputs of `validation_batches`, at most `SAMPLE`."""
        if not self.validation_batches or self.inputs is None:
            return None
        return np.concatenate([batch[0] for batch in self.validation_batches])[:SAMPLE]

    @property
    def validation_size(self) -> int:
        """Number of validation examples, in at most `SAMPLE` batches."""
        batches = self.validation.take(SAMPLE) if self.validation else ()
        return max(1, sum(len(keras.tree.flatten(batch)[0]) for batch in batches))

    def curve(self, name: str) -> np.ndarray:
        """A metric by epoch, without epochs in which it was not recorded; empty if unknown."""
        return np.array([v for v in self.history.get(name, ()) if v is not None], float)

    @property
    def loss(self) -> np.ndarray:
        """Training loss by epoch."""
        return self.curve("loss")

    @property
    def validation_loss(self) -> np.ndarray:
        """Validation loss by epoch."""
        return self.curve("val_loss")

    @property
    def validation_accuracy(self) -> np.ndarray | None:
        """Validation accuracy by epoch; `None` if it was not recorded."""
        found = (self.curve(f"val_{name}") for name in ACCURACIES)
        return next((curve for curve in found if len(curve)), None)

    @property
    def lowest_loss(self) -> float:
        """The loss of perfect predictions: above 0 with label smoothing."""
        smoothing = float(getattr(self.model.loss, "label_smoothing", 0.0) or 0.0)
        if not smoothing or not self.classifies:
            return 0.0
        classes = np.shape(self.batches[0][1])[-1]
        wrong = smoothing / classes
        right = 1 - smoothing + wrong
        # entropy of the smoothed labels
        return -right * np.log(right) - (classes - 1) * wrong * np.log(wrong)

    @property
    def loss_name(self) -> str:
        """Names of the loss and its classes, in lower case without underscores."""
        return introspection.loss_name(self.model.loss)

    @property
    def class_fractions(self) -> np.ndarray | None:
        """Fraction of the examples in each class that occurs; `None` without classes."""
        if self.labels is None:
            return None
        counts = np.bincount(np.concatenate(self.labels))
        return counts[counts > 0] / counts.sum()

    @property
    def class_entropy(self) -> float:
        """Cross-entropy, in nats, of always predicting the class fractions."""
        fractions = self.class_fractions
        if fractions is None:
            return float("nan")
        return -float(np.sum(fractions * np.log(fractions)))

    @property
    def baseline_loss(self) -> float | None:
        """The loss of always predicting the class fractions.

        `None` unless the loss is a cross-entropy of classes without penalties on weights.
        """
        if "crossentropy" not in self.loss_name or self.model.losses or not self.classifies:
            return None
        return self.class_entropy

    @property
    def classifies(self) -> bool:
        """Whether the labels are classes."""
        return self.labels is not None

    @property
    def supervised(self) -> bool:
        """Whether the loss compares outputs with labels."""
        return bool(self.model.loss) and len(self.batches[0]) > 1


def class_numbers(labels):
    """Labels as class numbers; `None` if they are something else."""
    if not isinstance(labels, np.ndarray) or not labels.ndim:
        return None
    if labels.ndim == 2 and labels.shape[1] > 1 and np.allclose(labels.sum(axis=1), 1, atol=1e-3):
        return labels.argmax(axis=1)
    flat = labels.reshape(-1)
    whole = labels.size == len(labels) and np.all(flat == np.round(flat))
    return flat.astype(int) if whole and len(np.unique(flat)) <= 100 else None
