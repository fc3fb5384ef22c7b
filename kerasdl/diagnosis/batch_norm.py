"""Compare the moving averages of batch normalization with the statistics of batches."""

import contextlib
import dataclasses
import functools
import inspect

import keras
import numpy as np

from kerasdl.callbacks import state
from kerasdl.diagnosis.case import CERTAIN, Case, Finding, class_numbers
from kerasdl.utils.patches import replaced

EXAMPLES = 256  # to compare on
NAMED = 3  # layers in a finding


def normalizers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers that use batch statistics in training and moving averages in inference.

    A frozen BatchNormalization uses its averages in training, too, so it is not included.
    """
    found = dict.fromkeys(model._flatten_layers())
    return [
        x for x in found if x.trainable and hasattr(x, "moving_variance") and _takes_training(x)
    ]


def _takes_training(layer):
    return "training" in inspect.signature(layer.call).parameters


@contextlib.contextmanager
def batch_statistics(model: keras.Model):
    """Normalize with batch statistics inside the `with` block, as training does.

    Other layers follow the call of the model: with `training=False`, dropout stays off. Inside the
    block, the moving averages are the statistics of the last batch; afterwards they are restored.
    """
    layers = normalizers(model)
    averages = [v for layer in layers for v in (layer.moving_mean, layer.moving_variance)]
    values = state.copy(averages)
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(replaced(layer, "call", _training(layer.call)))
            # average <- momentum * average + (1 - momentum) * statistic
            stack.enter_context(replaced(layer, "momentum", 0.0))
        try:
            yield
        finally:
            state.put(averages, values)


def _training(call):
    @functools.wraps(call)
    def in_training(*args, **kwargs):
        return call(*args, **{**kwargs, "training": True})

    return in_training


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A trained model on the same training examples, normalized in two ways.

    Args:
        examples: int, the number of examples.
        batch_loss, average_loss: float, the loss with batch statistics and with moving averages.
        batch_accuracy, average_accuracy: float, the accuracy likewise; `None` without classes.
        outputs: dict, path of a layer -> mean and standard deviation of the values that it
            normalizes by its averages: 0 and 1 if these equal the statistics of the batches.
    """

    examples: int
    batch_loss: float
    average_loss: float
    batch_accuracy: float | None
    average_accuracy: float | None
    outputs: dict[str, tuple[float, float]]


def compare(case: Case) -> Comparison | None:
    """Measure the effect of the moving averages; `None` if the model has no batch normalization."""
    layers = normalizers(case.model)
    if not layers or not case.supervised:
        return None
    batches: list[tuple] = []
    examples = 0
    for batch in case.batches:
        size = len(keras.tree.flatten(batch)[0])
        if examples and (examples >= EXAMPLES or size < len(keras.tree.flatten(batches[0])[0])):
            break  # the statistics of a smaller last batch are noisier
        batches.append(batch)
        examples += size
    average_loss, average_accuracy = _evaluate(case, batches)
    statistics: list[tuple[list[np.ndarray], list[np.ndarray]]] = [([], []) for _ in layers]

    def record():
        for layer, (means, variances) in zip(layers, statistics, strict=True):
            means.append(np.array(layer.moving_mean))
            variances.append(np.array(layer.moving_variance))

    with batch_statistics(case.model):
        batch_loss, batch_accuracy = _evaluate(case, batches, record)
    outputs = {}
    for layer, (means, variances) in zip(layers, statistics, strict=True):
        epsilon = getattr(layer, "epsilon", 1e-3)
        mean, variance = np.mean(means, axis=0), np.mean(variances, axis=0) + epsilon
        divisor = np.sqrt(np.array(layer.moving_variance) + epsilon)
        # (x - average mean) / sqrt(average variance) over the examples, averaged over channels
        center = np.abs(mean - np.array(layer.moving_mean)) / divisor
        outputs[layer.path] = float(center.mean()), float((np.sqrt(variance) / divisor).mean())
    return Comparison(examples, batch_loss, average_loss, batch_accuracy, average_accuracy, outputs)


def _evaluate(case, batches, after_batch=lambda: None):
    """The model's mean loss on batches and its accuracy, without dropout."""
    losses, correct, sizes = [], [], []
    for number, batch in enumerate(batches):
        outputs = case.model(batch[0], training=False)
        after_batch()
        weights = batch[2] if len(batch) > 2 else None
        loss = case.model.compute_loss(batch[0], batch[1], outputs, weights, training=False)
        losses.append(float(loss))
        sizes.append(len(keras.tree.flatten(batch)[0]))
        labels = case.labels[number] if case.classifies else None
        correct.append(_correct(outputs, labels))
    case.model.reset_metrics()
    accuracy = None if None in correct else float(np.average(correct, weights=sizes))
    return float(np.average(losses, weights=sizes)), accuracy


def _correct(outputs, labels):
    """Fraction of correct predictions; `None` unless there is one output for each class."""
    shape = getattr(outputs, "shape", ())
    if labels is None or len(shape) != 2 or shape[1] < 2:
        return None
    return float(np.mean(np.asarray(outputs).argmax(axis=1) == labels))


def validation_accuracy(case: Case) -> float | None:
    """Return the validation accuracy with batch statistics; `None` if it cannot be computed.

    The examples are shuffled first: a batch of one class has other statistics than in training.
    """
    batches = case.validation_batches
    if not normalizers(case.model) or not case.classifies or case.validation_inputs is None:
        return None
    numbers = [class_numbers(batch[1]) if len(batch) > 1 else None for batch in batches]
    if any(found is None for found in numbers):
        return None
    inputs = np.concatenate([batch[0] for batch in batches])
    labels = np.concatenate([found for found in numbers if found is not None])
    order = np.random.default_rng(0).permutation(len(inputs))[:EXAMPLES]
    size = min(len(case.batches[0][0]), len(order))
    correct = []
    with batch_statistics(case.model):
        for first in range(0, len(order) - size + 1, size):
            chosen = order[first : first + size]
            outputs = case.model(inputs[chosen], training=False)
            correct.append(_correct(outputs, labels[chosen]))
    return None if None in correct or not correct else float(np.mean(correct))


def outdated_averages(case: Case) -> Finding | None:
    """Moving averages with which a model is much worse than with batch statistics."""
    found = compare(case)
    if found is None or not np.isfinite([found.batch_loss, found.average_loss]).all():
        return None
    if "crossentropy" in case.loss_name and case.classifies:
        scale = case.class_entropy
    else:
        scale = abs(float(case.loss[0]) if len(case.loss) else found.batch_loss)
    lost = found.average_loss - found.batch_loss
    if lost < 0.25 * scale or lost < 0.25 * abs(found.batch_loss):
        return None
    accuracies = batch, average = found.batch_accuracy, found.average_accuracy
    if batch is not None and average is not None and batch - average < 0.05:
        return None
    worst = sorted(found.outputs, key=lambda path: -_distance(*found.outputs[path]))[:NAMED]
    evidence = f"on {found.examples} training examples the loss is {found.batch_loss:.3g} with "
    evidence += f"batch statistics and {found.average_loss:.3g} with the moving averages"
    if None not in accuracies:
        evidence += f", the accuracy {found.batch_accuracy:.0%} and {found.average_accuracy:.0%}"
    layers = ", ".join(
        f"{path} ({mean:.2g} and {deviation:.2g})"
        for path, (mean, deviation) in ((path, found.outputs[path]) for path in worst)
    )
    evidence += f"; mean and deviation of normalized values, instead of 0 and 1: {layers}"
    evidence += _initial_fraction(case)
    advice = "to train longer, a lower momentum of BatchNormalization (0.9), or to recompute the "
    advice += "averages: with momentum 0.9, call the model with training=True on 100 batches"
    return Finding("outdated batch normalization averages", evidence, advice, CERTAIN)


def _distance(mean, deviation):
    """Return the distance from mean 0 and standard deviation 1."""
    return abs(mean) + abs(np.log(max(deviation, 1e-12)))


def _initial_fraction(case):
    """Describe how much of the initial averages is left; the text is empty if it is little."""
    optimizer = getattr(case.model.optimizer, "inner_optimizer", case.model.optimizer)
    steps = int(np.asarray(optimizer.iterations)) if optimizer else 0
    momentum = max(getattr(layer, "momentum", 0.0) for layer in normalizers(case.model))
    left = momentum**steps
    if not steps or left < 0.02:
        return ""
    return (
        f"; after {steps} steps a momentum of {momentum:g} keeps {left:.0%} of the initial averages"
    )
