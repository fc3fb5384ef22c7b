"""The training run that the doctor examines, and what it finds."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasdl.diagnosis import introspection, temporary_training
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

SAMPLE = 1000  # examples to examine
MOST_BATCHES = 20  # to evaluate
TRIAL_STEPS = 50  # of a short training
FACTORS = (1.0, 0.1, 0.01, 10.0, 100.0, 1000.0)  # of the learning rate in short trainings
LARGE = 250  # examples in `large_inputs`
CERTAIN, LIKELY = "certain", "likely"
DISTANCES = ("squarederror", "absoluteerror", "huber", "logcosh", "absolutepercentageerror")
ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem that the doctor found.

    Args:
        name: str, what the problem is called, such as "learning rate too high".
        evidence: str, the measurements that show it.
        advice: str, what to try; it completes "try ...".
        certainty: str, how sure it is. "certain": the measurement is the problem itself, such as
            a NaN in the inputs. "likely": the measurement is an effect of the problem, and
            something else may rarely have the same effect.
    """

    name: str
    evidence: str
    advice: str
    certainty: str = LIKELY

    def __str__(self) -> str:
        return f"{self.name} ({self.certainty}): {self.evidence}; try {self.advice}"


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
        return self._class_numbers(self.batches)

    def _class_numbers(self, batches):
        found = [class_numbers(batch[1]) for batch in batches if len(batch) > 1]
        if not found or not all(labels is not None for labels in found):
            return None
        # whole numbers are quantities, not classes, for a loss that measures distances
        one_hot = all(batch[1].ndim == 2 and batch[1].shape[1] > 1 for batch in batches)
        return None if self.measures_distance and not one_hot else found

    @property
    def measures_distance(self) -> bool:
        """Whether the loss is a distance of numbers, such as the mean squared error."""
        return any(name in self.loss_name for name in DISTANCES)

    @functools.cached_property
    def targets(self) -> np.ndarray | None:
        """Numbers to predict, a row for each example of `batches`; `None` for other labels."""
        return self._numbers(self.batches)

    @functools.cached_property
    def validation_targets(self) -> np.ndarray | None:
        """Numbers to predict of `validation_batches`."""
        return self._numbers(self.validation_batches)

    def _numbers(self, batches):
        found = [batch[1] for batch in batches if len(batch) > 1]
        numbers = all(isinstance(part, np.ndarray) and part.dtype.kind in "fui" for part in found)
        if not found or not numbers or not self.measures_distance or self.classifies:
            return None
        if len({part.shape[1:] for part in found}) > 1:
            return None
        return np.concatenate([part.reshape(len(part), -1) for part in found]).astype(float)

    @functools.cached_property
    def validation_batches(self) -> list[tuple]:
        """The first batches of the validation data, at most `MOST_BATCHES`."""
        if self.validation is None:
            return []
        batches = itertools.islice(self.validation.as_numpy_iterator(), MOST_BATCHES)
        return [batch if isinstance(batch, tuple) else (batch,) for batch in batches]

    @functools.cached_property
    def validation_labels(self) -> np.ndarray | None:
        """Class numbers of `validation_batches`; `None` unless the labels are classes."""
        found = self._class_numbers(self.validation_batches)
        return None if found is None else np.concatenate(found)

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

    @functools.cached_property
    def training_loss(self) -> float:
        """The loss of the trained model on training data, evaluated."""
        return _evaluated(self.model, self.train)

    @functools.cached_property
    def final_validation_loss(self) -> float | None:
        """The loss of the trained model on validation data, evaluated; `None` without them."""
        return None if self.validation is None else _evaluated(self.model, self.validation)

    @functools.cached_property
    def losses_of_epochs(self) -> np.ndarray:
        """Training loss by epoch; without a history, that before training and after it."""
        if "loss" in self.history or self.fresh is None or not self.supervised:
            return self.loss
        before = _evaluated(self.untrained, self.train)
        return np.array([before, self.training_loss, self.training_loss])

    @functools.cached_property
    def scale(self) -> float | None:
        """What a model can learn: the loss of a constant prediction, less the lowest loss.

        `None` unless the labels are classes and the loss a cross-entropy, or they are numbers and
        the loss is a distance.
        """
        if self.classifies and "crossentropy" in self.loss_name:
            scale = self.class_entropy - self.lowest_loss
            return scale if scale > 0 else None
        if self.targets is None:
            return None
        constants = (self.targets.mean(axis=0), np.median(self.targets, axis=0))
        rows = (np.broadcast_to(constant, self.targets.shape) for constant in constants)
        loss = keras.losses.get(self.model.loss)
        return min(float(np.mean(loss(self.targets, row))) for row in rows) or None

    @functools.cached_property
    def learned(self) -> bool:
        """Whether the model learned most of what it can, on validation data if there are any."""
        if self.scale is None:
            return False
        held_out = self.final_validation_loss
        loss = self.training_loss if held_out is None else held_out
        return bool(loss - self.lowest_loss < 0.5 * self.scale)

    @functools.cached_property
    def large_inputs(self) -> list:
        """Inputs of `batches` in larger batches; as they are, if their shapes differ."""
        parts = [batch[0] for batch in self.batches]
        flat = [keras.tree.flatten(part) for part in parts]
        shapes = {tuple(np.shape(array)[1:] for array in arrays) for arrays in flat}
        if len(shapes) > 1:
            return parts
        joined = [np.concatenate(arrays) for arrays in zip(*flat, strict=True)]
        return [
            keras.tree.pack_sequence_as(parts[0], [array[i : i + LARGE] for array in joined])
            for i in range(0, len(joined[0]), LARGE)
        ]

    def predicted_classes(self, batches: list[tuple]) -> np.ndarray | None:
        """Return the class that the model predicts for each input; `None` without classes."""
        found = []
        logits = introspection.takes_logits(self.model.loss)
        for batch in batches:
            outputs = self.model(batch[0], training=False)
            if len(getattr(outputs, "shape", ())) != 2:
                return None
            rows = np.asarray(outputs)
            single = (rows[:, 0] > (0.0 if logits else 0.5)).astype(int)
            found.append(single if rows.shape[1] == 1 else rows.argmax(axis=1))
        return np.concatenate(found) if found else None

    @functools.cached_property
    def model_accuracy(self) -> float | None:
        """Accuracy of the trained model on `validation_batches`; `None` without classes."""
        if self.validation_labels is None:
            return None
        found = self.predicted_classes(self.validation_batches)
        return None if found is None else float(np.mean(found == self.validation_labels))

    @functools.cached_property
    def trials(self) -> tuple[float, dict[float, float]]:
        """The learning rate, and what `try_rates` returns for `FACTORS`."""
        return learning_rate_of(self.untrained), self.try_rates(FACTORS)

    def try_rates(self, factors: Sequence[float]) -> dict[float, float]:
        """Train the untrained model shortly at multiples of its learning rate; return the losses.

        Each training has the same batches; a loss that diverges is infinite.
        """
        _, first = temporary_training.batches(self.train)
        batches = [*self.train.repeat().take(TRIAL_STEPS)]
        model, found = self.untrained, {}
        used = learning_rate_of(model)
        with (
            temporary_training.restored(model, first),
            temporary_training.learning_rate_variable(model, used) as learning_rate,
        ):
            step = temporary_training.training_step(model)
            for factor in factors:
                learning_rate.assign(used * factor)
                with temporary_training.restored(model, first):
                    losses = [step(batch) for batch in batches][-TRIAL_STEPS // 5 :]
                found[factor] = float(np.mean(losses)) if np.isfinite(losses).all() else np.inf
        return found

    @property
    def start(self) -> str:
        """Which state of the model `untrained` is, in words."""
        if self.fresh is None:
            return "after training"
        return getattr(self.fresh, "state", "before training")

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
        """The loss of a constant prediction: the class fractions, or the mean of the targets.

        `None` where `scale` is, and if the loss contains penalties on weights.
        """
        if self.scale is None or self.model.losses:
            return None
        return self.scale + self.lowest_loss

    @property
    def classifies(self) -> bool:
        """Whether the labels are classes."""
        return self.labels is not None

    @property
    def supervised(self) -> bool:
        """Whether the loss compares outputs with labels."""
        return bool(self.model.loss) and len(self.batches[0]) > 1


def learning_rate_of(model: keras.Model) -> float:
    """Return the learning rate; of a schedule, the highest of some of the first 3000 steps."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    learning_rate = optimizer._learning_rate
    if not callable(learning_rate):
        return float(learning_rate)
    return max(float(learning_rate(step)) for step in (0, 1, 10, 30, 100, 300, 1000, 3000))


def _evaluated(model, data):
    found = model.evaluate(data.take(MOST_BATCHES), verbose=0, return_dict=True)
    return float(found.get("loss", np.nan))


def class_numbers(labels):
    """Labels as class numbers; `None` if they are something else."""
    if not isinstance(labels, np.ndarray) or not labels.ndim:
        return None
    if labels.ndim == 2 and labels.shape[1] > 1 and np.allclose(labels.sum(axis=1), 1, atol=1e-3):
        return labels.argmax(axis=1)
    flat = labels.reshape(-1)
    whole = labels.size == len(labels) and np.all(flat == np.round(flat))
    return flat.astype(int) if whole and len(np.unique(flat)) <= 100 else None
