"""What is wrong with the data. Each function looks at a `Case` and may find something."""

import numpy as np

from kerasdl.diagnosis import insides
from kerasdl.diagnosis.case import Finding


def not_numbers(case):
    if case.inputs is not None and not np.isfinite(case.inputs).all():
        share = np.mean(~np.isfinite(case.inputs).reshape(len(case.inputs), -1).all(axis=1))
        evidence = f"{share:.1%} of the examples hold a NaN or an infinity"
        return Finding(
            "inputs that are no numbers", evidence, "to repair or leave out these examples"
        )
    return None


def unscaled(case):
    """Networks begin with weights that expect numbers around one."""
    if case.inputs is None or _normalises(case.model):
        return None
    mean, deviation = float(np.mean(case.inputs)), float(np.std(case.inputs))
    if deviation == 0:
        return Finding(
            "inputs all alike", f"all are {mean:g}", "to look at what the pipeline gives"
        )
    if _is_far(mean, deviation):
        given = insides.given(case.newborn, case.batches[0][0])  # it may scale them itself
        if given is not None and not _is_far(float(np.mean(given)), float(np.std(given))):
            return None
        evidence = f"mean {mean:.3g}, deviation {deviation:.3g}"
        advice = "to scale them: to [0, 1], or to mean 0 and deviation 1"
        return Finding("inputs not scaled", evidence, advice)
    return None


def _is_far(mean, deviation):
    return abs(mean) > 20 or deviation > 20 or (deviation < 0.01 and abs(mean) < 0.1)


def _normalises(model):
    first = [type(layer).__name__ for layer in model._flatten_layers(include_self=False)][:3]
    return bool({"Normalization", "Rescaling", "BatchNormalization"} & set(first))


def one_class(case):
    if not case.classifies:
        return None
    counts = np.bincount(np.concatenate(case.labels))
    share, classes = counts.max() / counts.sum(), np.count_nonzero(counts)
    if classes == 1:
        evidence = f"all of {counts.sum()} examples are of class {counts.argmax()}"
        return Finding("labels all alike", evidence, "to look at how labels are made")
    if share > 0.8:
        evidence = f"{share:.0%} of the examples are of class {counts.argmax()}"
        advice = "class weights, or as many of each; judge by more than accuracy"
        return Finding("uneven classes", evidence, advice)
    return None


def unshuffled(case):
    """Steps that see one class each forget the others."""
    if not case.classifies or len(case.labels) < 4:
        return None
    classes = len(np.unique(np.concatenate(case.labels)))
    seen = np.mean([len(np.unique(labels)) for labels in case.labels])
    possible = min(classes, min(len(labels) for labels in case.labels[:-1]))
    if classes > 1 and seen < 0.4 * possible:
        evidence = f"a batch has {seen:.1f} of {classes} classes"
        return Finding("data not shuffled", evidence, "to shuffle before batching")
    return None


def leaked(case):
    if case.others is None:
        return None
    known = {row.tobytes() for row in _rows(case.inputs)}
    share = np.mean([row.tobytes() in known for row in _rows(case.others)])
    if share > 0.05 and len(np.unique(_rows(case.others), axis=0)) > 0.5 * len(case.others):
        evidence = f"{share:.0%} of the validation examples are in the training data"
        return Finding("validation data seen in training", evidence, "to split before copying")
    return None


def unrelated_labels(case):
    """Neighbours of a class are of that class, but for labels that say nothing of the inputs."""
    if not case.classifies or case.inputs is None or len(case.inputs) < 100:
        return None
    labels = np.concatenate(case.labels)
    shares = np.bincount(labels) / len(labels)
    chance = float(np.sum(shares**2))
    rows = _rows(case.inputs).astype("float32")
    squares = np.sum(rows**2, axis=1)
    distances = squares[:, None] + squares - 2 * rows @ rows.T
    np.fill_diagonal(distances, np.inf)
    right = np.mean(labels[distances.argmin(axis=1)] == labels)
    guess = _guesses(case, shares.max())
    if right < chance + 3 * np.sqrt(chance / len(labels)) and guess:
        evidence = (
            f"the nearest neighbour has the same label in {right:.0%}, chance is {chance:.0%}"
        )
        evidence += f", and unseen examples are guessed ({guess})"
        advice = "to look whether labels belong to their inputs (one shuffled, not the other?)"
        return Finding("labels unrelated to inputs", evidence, advice)
    return None


def _guesses(case, share):
    """What says that unseen examples are guessed; nothing if they are not."""
    judged = case.validated
    if judged is not None and max(judged) < share + 0.1:
        return f"{max(judged):.0%} right"
    losses = case.validation_loss
    if case.guessing and len(losses) and losses.min() > 0.9 * case.guessing:
        return f"a loss of {losses.min():.3g}, that of guessing is {case.guessing:.3g}"
    return None


def _rows(array):
    return np.ascontiguousarray(array.reshape(len(array), -1))
