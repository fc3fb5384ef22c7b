"""Symptoms in the data. Each function examines a `Case` and returns a `Finding` or `None`."""

import numpy as np

from kerasdl.diagnosis import batch_norm, introspection
from kerasdl.diagnosis.case import Case, Finding


def not_finite_inputs(case: Case) -> Finding | None:
    """Inputs that are NaN or infinite."""
    if case.inputs is None or np.isfinite(case.inputs).all():
        return None
    bad = ~np.isfinite(case.inputs).reshape(len(case.inputs), -1).all(axis=1)
    evidence = f"{bad.mean():.1%} of the examples contain a NaN or an infinity"
    return Finding("NaN or infinite inputs", evidence, "to repair or drop these examples")


def unscaled(case: Case) -> Finding | None:
    """Inputs far from the range around 1 for which weights are initialized."""
    if case.inputs is None or _normalizes(case.model):
        return None
    mean, deviation = float(np.mean(case.inputs)), float(np.std(case.inputs))
    if deviation == 0:
        advice = "to look at what the pipeline returns"
        return Finding("constant inputs", f"all values are {mean:g}", advice)
    if not _is_far(mean, deviation):
        return None
    received = introspection.first_layer_input(case.untrained, case.batches[0][0])
    if received is not None and not _is_far(float(np.mean(received)), float(np.std(received))):
        return None  # the model scales its inputs itself
    evidence = f"mean {mean:.3g}, standard deviation {deviation:.3g}"
    advice = "to scale them to [0, 1], or to mean 0 and standard deviation 1"
    return Finding("inputs not scaled", evidence, advice)


def _is_far(mean, deviation):
    return abs(mean) > 20 or deviation > 20 or (deviation < 0.01 and abs(mean) < 0.1)


def _normalizes(model):
    first = [type(layer).__name__ for layer in model._flatten_layers(include_self=False)][:3]
    return bool({"Normalization", "Rescaling", "BatchNormalization"} & set(first))


def imbalanced(case: Case) -> Finding | None:
    """A class that has all or most of the examples."""
    if case.labels is None:
        return None
    counts = np.bincount(np.concatenate(case.labels))
    fraction, classes = counts.max() / counts.sum(), np.count_nonzero(counts)
    if classes == 1:
        evidence = f"all of {counts.sum()} examples are of class {counts.argmax()}"
        return Finding("only one class", evidence, "to look at how the labels are made")
    if fraction > 0.8:
        evidence = f"{fraction:.0%} of the examples are of class {counts.argmax()}"
        advice = "class weights or resampling; do not rely on accuracy alone"
        return Finding("imbalanced classes", evidence, advice)
    return None


def unshuffled(case: Case) -> Finding | None:
    """Batches with few of the classes: each step undoes what others have learned."""
    if case.labels is None or len(case.labels) < 4:
        return None
    classes = len(np.unique(np.concatenate(case.labels)))
    seen = np.mean([len(np.unique(labels)) for labels in case.labels])
    possible = min(classes, min(len(labels) for labels in case.labels[:-1]))
    if classes > 1 and seen < 0.4 * possible:
        evidence = f"a batch contains {seen:.1f} of {classes} classes on average"
        return Finding("data not shuffled", evidence, "to shuffle before batching")
    return None


def leaked(case: Case) -> Finding | None:
    """Validation examples that are in the training data too."""
    if case.validation_inputs is None:
        return None
    known = {row.tobytes() for row in _rows(case.inputs)}
    validation = _rows(case.validation_inputs)
    fraction = np.mean([row.tobytes() in known for row in validation])
    # with few distinct inputs, equal ones are expected
    if fraction > 0.05 and len(np.unique(validation, axis=0)) > 0.5 * len(validation):
        evidence = f"{fraction:.0%} of the validation examples are in the training data"
        advice = "to split before duplicating or augmenting"
        return Finding("validation data seen in training", evidence, advice)
    return None


def unrelated_labels(case: Case) -> Finding | None:
    """Labels that inputs do not determine: neither neighbors nor the model predict them."""
    if case.labels is None or case.inputs is None or len(case.inputs) < 100:
        return None
    labels = np.concatenate(case.labels)
    fractions = np.bincount(labels) / len(labels)
    chance = float(np.sum(fractions**2))
    rows = _rows(case.inputs).astype("float32")
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b
    squares = np.sum(rows**2, axis=1)
    distances = squares[:, None] + squares - 2 * rows @ rows.T
    np.fill_diagonal(distances, np.inf)
    same = np.mean(labels[distances.argmin(axis=1)] == labels)
    if same >= chance + 3 * np.sqrt(chance / len(labels)):
        return None
    failure = _fails_on_validation(case, fractions.max())
    if not failure:
        return None
    evidence = f"the nearest neighbor has the same label for {same:.0%} of the examples, by chance "
    evidence += f"for {chance:.0%}; on validation data the model guesses ({failure})"
    advice = "to check that labels belong to their inputs (was only one of the two shuffled?)"
    return Finding("labels unrelated to inputs", evidence, advice)


def _fails_on_validation(case, fraction):
    """Evidence that the model only guesses on validation data; `None` if it does not."""
    with_batch_statistics = batch_norm.validation_accuracy(case)
    if with_batch_statistics is not None and with_batch_statistics >= fraction + 0.1:
        return None  # it has learned; only its moving averages are wrong
    accuracy = case.validation_accuracy
    if accuracy is not None and max(accuracy) < fraction + 0.1:
        return f"accuracy {max(accuracy):.0%}"
    losses = case.validation_loss
    if case.baseline_loss and len(losses) and losses.min() > 0.9 * case.baseline_loss:
        return f"loss {losses.min():.3g}, guessing has {case.baseline_loss:.3g}"
    return None


def _rows(array):
    return np.ascontiguousarray(array.reshape(len(array), -1))
