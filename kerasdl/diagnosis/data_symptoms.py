"""Symptoms in the data. Each function examines a `Case` and returns a `Finding` or `None`."""

import numpy as np

from kerasdl.diagnosis import introspection
from kerasdl.diagnosis.case import CERTAIN, Case, Finding

MOST_ROWS = 50_000  # training examples to compare with validation examples
RECALL = 0.5  # average recall of the rare classes that is too low
LOCATION, SPREAD = 5.0, 8.0  # differences of validation inputs, in standard deviations and factors


def not_finite_inputs(case: Case) -> Finding | None:
    """Inputs that are NaN or infinite."""
    if case.inputs is None or np.isfinite(case.inputs).all():
        return None
    bad = ~np.isfinite(case.inputs).reshape(len(case.inputs), -1).all(axis=1)
    evidence = f"{bad.mean():.1%} of the examples contain a NaN or an infinity"
    return Finding("NaN or infinite inputs", evidence, "to repair or drop these examples", CERTAIN)


def unscaled(case: Case) -> Finding | None:
    """Inputs far from the range around 1 for which weights are initialized."""
    if case.inputs is None or _normalizes(case.model):
        return None
    mean, deviation = float(np.mean(case.inputs)), float(np.std(case.inputs))
    if deviation == 0:
        advice = "to look at what the pipeline returns"
        return Finding("constant inputs", f"all values are {mean:g}", advice, CERTAIN)
    column = _far_column(case.inputs)
    if not _is_far(mean, deviation) and column is None:
        return None
    first, inputs = introspection.first_layer(case.model), case.batches[0][0]
    if first is not None and not first.trainable:
        return None  # its weights were trained on inputs of some scale
    received = introspection.first_layer_input(case.untrained, inputs)
    if received is not None and not (
        _is_far(float(np.mean(received)), float(np.std(received)))
        or (column is not None and _far_column(received) is not None)
    ):
        return None  # the model scales its inputs itself
    if introspection.normalizes_first(case.model, inputs):
        return None
    evidence = f"mean {mean:.3g}, standard deviation {deviation:.3g}"
    if column is not None:
        values = case.inputs[:, column]
        evidence += f"; column {column} has mean {np.mean(values):.3g}, standard deviation "
        evidence += f"{np.std(values):.3g}"
    advice = "to scale them to [0, 1], or to mean 0 and standard deviation 1"
    return Finding("inputs not scaled", evidence, advice, CERTAIN)


def _is_far(mean, deviation):
    return abs(mean) > 20 or deviation > 20 or (deviation < 0.01 and abs(mean) < 0.1)


def _far_column(inputs):
    """The column of a table that is farthest from the scale of a weight, if one is far."""
    if inputs.ndim != 2:
        return None
    size = np.sqrt(np.mean(np.square(inputs, dtype="float64"), axis=0))
    column = int(size.argmax())
    return column if size[column] > 100 else None


def _normalizes(model):
    first = [type(layer).__name__ for layer in model._flatten_layers(include_self=False)][:3]
    return bool({"Normalization", "Rescaling", "BatchNormalization"} & set(first))


def differently_scaled(case: Case) -> Finding | None:
    """Validation inputs of another scale than the training inputs."""
    inputs, validation = case.inputs, case.validation_inputs
    if inputs is None or validation is None or not np.isfinite(validation).all():
        return None
    mean, deviation = float(np.mean(inputs)), float(np.std(inputs))
    other, others = float(np.mean(validation)), float(np.std(validation))
    if not deviation or len(validation) < 10:
        return None
    ratio = others / deviation
    if abs(other - mean) <= LOCATION * deviation and 1 / SPREAD <= ratio <= SPREAD:
        return None
    evidence = f"training inputs have mean {mean:.3g} and standard deviation {deviation:.3g}, "
    evidence += f"validation inputs {other:.3g} and {others:.3g}"
    advice = "the same preprocessing for both"
    return Finding("validation inputs scaled differently", evidence, advice, CERTAIN)


def imbalanced(case: Case) -> Finding | None:
    """A class that has all examples, or most of them, so that the model ignores the others."""
    if case.labels is None:
        return None
    labels = np.concatenate(case.labels)
    counts = np.bincount(labels)
    largest, classes = int(counts.argmax()), np.count_nonzero(counts)
    fraction = counts.max() / counts.sum()
    if classes == 1:
        evidence = f"all of {counts.sum()} examples are of class {largest}"
        advice = "to look at how the labels are made"
        return Finding("only one class", evidence, advice, CERTAIN)
    if fraction < max(0.6, 2 / classes) and fraction <= 0.8:
        return None
    # with few validation examples of rare classes, training examples tell more
    held_out = case.validation_labels
    if held_out is None or np.sum(held_out != largest) < 10:
        held_out, batches = labels, case.batches
    else:
        batches = case.validation_batches
    found = case.predicted_classes(batches)
    if found is None:
        return None
    rare = [c for c in np.unique(held_out) if c != largest]
    recall = float(np.mean([np.mean(found[held_out == c] == c) for c in rare])) if rare else 1.0
    if recall >= RECALL or np.mean(found == largest) < fraction:
        return None
    evidence = f"{fraction:.0%} of the examples are of class {largest}; the model finds "
    evidence += f"{recall:.0%} of the examples of the other classes, and predicts class {largest} "
    evidence += f"for {np.mean(found == largest):.0%} of all"
    advice = "class weights or resampling; do not rely on accuracy alone"
    return Finding("imbalanced classes", evidence, advice, CERTAIN)


def unshuffled(case: Case) -> Finding | None:
    """Batches with few of the classes: each step undoes what others have learned."""
    if case.labels is None or len(case.labels) < 4:
        return None
    counts = np.bincount(np.concatenate(case.labels))
    fractions = counts[counts > 0] / counts.sum()
    sizes = [len(labels) for labels in case.labels]
    seen = np.mean([len(np.unique(labels)) for labels in case.labels])
    # classes in a random batch: sum over classes of 1 - (1 - p)^n
    expected = np.mean([np.sum(1 - (1 - fractions) ** size) for size in sizes])
    if len(fractions) > 1 and seen - 1 < 0.4 * (expected - 1):
        evidence = f"a batch contains {seen:.1f} of {len(fractions)} classes on average, "
        evidence += f"a shuffled one {expected:.1f}"
        return Finding("data not shuffled", evidence, "to shuffle before batching", CERTAIN)
    return None


def leaked(case: Case) -> Finding | None:
    """Validation examples that are in the training data too."""
    if case.validation_inputs is None:
        return None
    known: set[bytes] = set()
    for batch in case.train.as_numpy_iterator():
        inputs = batch[0] if isinstance(batch, tuple) else batch
        known.update(row.tobytes() for row in _rows(inputs))
        if len(known) >= MOST_ROWS:
            break
    validation = _rows(case.validation_inputs)
    fraction = np.mean([row.tobytes() in known for row in validation])
    # with few distinct inputs, equal ones are expected
    if fraction > 0.05 and len(np.unique(validation, axis=0)) > 0.5 * len(validation):
        evidence = f"{fraction:.0%} of the validation examples are in the training data"
        advice = "to split before duplicating or augmenting"
        return Finding("validation data seen in training", evidence, advice, CERTAIN)
    return None


def contains_labels(case: Case) -> Finding | None:
    """A column of a table that is the label under another name."""
    if case.inputs is None or case.inputs.ndim != 2 or len(case.inputs) < 50:
        return None
    inputs = case.inputs.astype(float)
    if case.labels is not None:
        labels = np.concatenate(case.labels)
        classes = np.unique(labels)
        means = np.stack([inputs[labels == c].mean(axis=0) for c in classes])
        inside = np.stack([inputs[labels == c].std(axis=0) for c in classes]).max(axis=0)
        gaps = np.diff(np.sort(means, axis=0), axis=0).min(axis=0) if len(classes) > 1 else 0.0
        same = (inside < 1e-6 + 1e-3 * np.abs(means).max(axis=0)) & (gaps > 10 * inside + 1e-9)
    elif case.targets is not None and case.targets.shape[1] == 1 < inputs.shape[1]:
        with np.errstate(invalid="ignore", divide="ignore"):
            found = [np.corrcoef(column, case.targets[:, 0])[0, 1] for column in inputs.T]
        same = np.abs(np.nan_to_num(found)) > 0.9999
    else:
        return None
    if not np.any(same):
        return None
    evidence = f"column {int(np.argmax(same))} of the inputs determines the label of each of "
    evidence += f"{len(inputs)} examples, as a copy of the label does"
    advice = "to leave it out, if it is not known when the model is used"
    return Finding("inputs contain the labels", evidence, advice)


def constant_features(case: Case) -> Finding | None:
    """Columns of a table that have one value.

    Zeros are usual for pixels and for rare categories. So a constant counts only if other columns
    hardly contain it, or if it is not constant in the validation data.
    """
    if case.inputs is None or case.inputs.ndim != 2 or len(case.inputs) < 50:
        return None
    inputs, validation = case.inputs, case.validation_inputs
    constant = np.ptp(inputs, axis=0) == 0
    if not constant.any() or constant.all():
        return None
    values, others = inputs[0], inputs[:, ~constant]
    unusual = np.array([np.mean(others == value) < 0.01 for value in values])
    if validation is not None:
        unusual |= np.ptp(validation, axis=0) > 0
    found = np.flatnonzero(constant & unusual)
    if not len(found):
        return None
    evidence = f"{len(found)} of {inputs.shape[1]} columns of the inputs are constant in "
    evidence += (
        f"{len(inputs)} training examples, such as column {found[0]}: {values[found[0]]:.3g}"
    )
    advice = "to look at how these columns are made, and to leave them out"
    return Finding("constant features", evidence, advice, CERTAIN)


def _rows(array):
    return np.ascontiguousarray(array.reshape(len(array), -1))
