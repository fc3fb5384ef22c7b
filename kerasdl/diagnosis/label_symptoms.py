"""Symptoms of labels that do not belong to their inputs."""

import numpy as np

from kerasdl.diagnosis import batch_norm, features, introspection, temporary_training
from kerasdl.diagnosis.case import CERTAIN, LARGE, Case, Finding

MIN_EPOCHS = 3  # for a curve
MIN_TRAIN, MIN_VALIDATION = 100, 30  # examples, to judge labels
MIN_UNLEARNED = 500  # training examples, to judge labels that the model has not learned either
RELATED = 0.1  # accuracy above chance, or R^2, of predictions that are no guesses
HIDDEN = 0.25  # accuracy that augmentation costs


def hidden_by_augmentation(case: Case) -> Finding | None:
    """Random augmentation after which the inputs no longer determine the labels.

    Linear models and nearest neighbors predict labels from inputs with augmentation and from inputs
    without it, as they are and as the untrained network describes them. Inputs without it are
    validation examples, or those that the model's own layers have not augmented yet.
    """
    loss = case.losses_of_epochs
    if case.labels is None or case.scale is None or len(loss) < MIN_EPOCHS or case.inputs is None:
        return None
    if loss[-1] - case.lowest_loss < 0.5 * case.scale:
        return None
    compared = _augmented_by_layers(case) or _augmented_by_pipeline(case)
    if compared is None:
        return None
    (changed, labels), (plain, plain_labels) = compared
    size = min(len(labels), len(plain_labels))
    if size < MIN_TRAIN:
        return None
    chance, _ = features.guessing(labels)
    with_, without = (
        max(features.predictability(rows, y[:size]) for rows in _described(case, x[:size]))
        for x, y in ((changed, labels), (plain, plain_labels))
    )
    if without - with_ < HIDDEN or with_ - chance > 0.5 * (without - chance):
        return None
    evidence = f"the training loss stays at {loss[-1]:.3g} (guessing has {case.class_entropy:.3g})"
    evidence += f"; linear models and nearest neighbors predict {without:.0%} of the labels "
    evidence += f"from inputs without augmentation and {with_:.0%} from inputs with it"
    advice = "weaker augmentation, and to look at some augmented examples with their labels"
    return Finding("augmentation hides the labels", evidence, advice)


def _augmented_by_layers(case):
    """Training examples after and before random layers at the start of the model."""
    random = [x for x in introspection.leaves(case.model) if type(x).__name__.startswith("Random")]
    if not random:
        return None
    plain, changed = [], []
    with temporary_training.restored(case.model, case.batches[0]):
        for inputs, *_ in case.batches:
            found = introspection.calls(case.model, inputs, random)
            if not found:
                return None
            values = found[0].input
            plain.append(np.asarray(values, "float32"))
            for call in found:
                values = call.layer(values, training=True)
            changed.append(np.asarray(values, "float32"))
    labels = np.concatenate(case.labels)
    return (np.concatenate(changed), labels), (np.concatenate(plain), labels)


def _augmented_by_pipeline(case):
    """Training and validation examples, if the training data differ from pass to pass."""
    if case.validation_inputs is None or case.validation_labels is None:
        return None
    first = {row.tobytes() for row in case.inputs[:50]}
    second = set()
    for seen, batch in enumerate(case.train.as_numpy_iterator()):
        second.update(row.tobytes() for row in batch[0])
        if seen >= 500:
            break
    if len(first & second) > len(first) / 2:
        return None
    labels = np.concatenate(case.labels)
    return (case.inputs, labels), (case.validation_inputs, case.validation_labels)


def unrelated_labels(case: Case) -> Finding | None:
    """Labels that nothing predicts: neither the model, nor models on its features, nor simple ones.

    The model's features come from its training, so labels of validation examples are predicted. On
    training examples, which the model may have memorized, features of the untrained model and
    the inputs serve. Any that predicts better than chance clears the labels.
    """
    if case.labels is not None:
        return _unrelated_classes(case)
    return _unrelated_numbers(case) if case.targets is not None else None


def _unrelated_classes(case):
    labels, held_out = np.concatenate(case.labels), case.validation_labels
    if held_out is None or len(labels) < MIN_TRAIN or len(held_out) < MIN_VALIDATION:
        return None
    chance = case.class_fractions.max()
    failure = _fails_on_validation(case, chance)
    if not failure or not _has_tried(case, len(labels)):
        return None
    for inputs in _descriptions(case):
        guess, deviation = features.guessing(labels[: features.MOST])
        if features.predictability(inputs, labels) > guess + 4 * deviation:
            return None
    trained = _held_out_features(case)
    if trained is None:
        return None
    rows = features.one_hot(labels, max(labels.max(), held_out.max()) + 1)
    found = features.linear(trained[0], rows, trained[1]).argmax(axis=1)
    accuracy, (guess, _) = features.balanced_accuracy(found, held_out), features.guessing(held_out)
    if accuracy > guess + RELATED:
        return None
    evidence = f"a linear model of the network's features predicts {accuracy:.0%} of the labels of "
    evidence += f"{len(held_out)} validation examples, guessing {guess:.0%}; the network only "
    evidence += f"guesses too ({failure}), while the training loss is {case.training_loss:.3g}"
    return _unrelated(evidence)


def _unrelated_numbers(case):
    targets, held_out = case.targets, case.validation_targets
    if held_out is None or len(targets) < MIN_TRAIN or len(held_out) < MIN_VALIDATION:
        return None
    loss = case.final_validation_loss
    if case.scale is None or loss is None or loss < 0.9 * case.scale:
        return None
    if not _has_tried(case, len(targets)):
        return None
    for inputs in _descriptions(case):
        for model in (features.linear, features.nearest):
            few = targets[: features.MOST]
            found = features.cross_validated(inputs[: features.MOST], few, model)[:, 0]
            varies = np.std(found) > 0 < np.std(few[:, 0])
            if varies and np.corrcoef(few[:, 0], found)[0, 1] > 4 / np.sqrt(len(few)):
                return None
    trained = _held_out_features(case)
    if trained is None:
        return None
    explained = features.explained(held_out, features.linear(trained[0], targets, trained[1]))
    if explained > RELATED:
        return None
    evidence = (
        f"a linear model of the network's features explains {max(explained, 0.0):.0%} of the "
    )
    evidence += f"variance of {len(held_out)} validation targets; the validation loss is "
    evidence += f"{loss:.3g}, that of a constant {case.scale:.3g}"
    return _unrelated(evidence)


def _unrelated(evidence):
    advice = "to check that labels belong to their inputs (was only one of the two shuffled?)"
    return Finding("labels unrelated to inputs", evidence, advice)


def _has_tried(case, examples):
    """Whether the model memorized training examples, or was trained on many of them for long."""
    fits = case.training_loss - case.lowest_loss < 0.8 * case.scale if case.scale else False
    return fits or (len(case.losses_of_epochs) >= MIN_EPOCHS and examples >= MIN_UNLEARNED)


def _descriptions(case):
    """Descriptions of the training examples that do not depend on their labels."""
    if case.inputs is not None:
        return _described(case, case.inputs)
    found = features.penultimate(case.untrained, case.batches) if case.fresh else None
    return [] if found is None else [found]


def _described(case, inputs):
    """Return the inputs as rows of numbers, and their features in the untrained model."""
    found = [inputs.reshape(len(inputs), -1)]
    parts = [(inputs[i : i + LARGE],) for i in range(0, len(inputs), LARGE)]
    described = features.penultimate(case.untrained, parts) if case.fresh else None
    return found if described is None else [*found, described]


def _held_out_features(case):
    """Features of training and validation examples by the trained model."""
    parts = [features.penultimate(case.model, b) for b in (case.batches, case.validation_batches)]
    return None if any(part is None for part in parts) else parts


def _fails_on_validation(case, fraction):
    """Evidence that the model only guesses on validation data; `None` if it does not."""
    with_batch_statistics = batch_norm.validation_accuracy(case)
    if with_batch_statistics is not None and with_batch_statistics >= fraction + 0.1:
        return None  # it has learned; only its moving averages are wrong
    accuracy = case.validation_accuracy
    if accuracy is not None and max(accuracy) < fraction + 0.1:
        return f"accuracy {max(accuracy):.0%}"
    losses = case.validation_loss
    if not len(losses) and case.final_validation_loss is not None:
        losses = np.array([case.final_validation_loss])
    if case.baseline_loss and len(losses) and losses.min() > 0.9 * case.baseline_loss:
        return f"loss {losses.min():.3g}, guessing has {case.baseline_loss:.3g}"
    return None


def contradicting_labels(case: Case) -> Finding | None:
    """A model that learns the training data but is worse than a guess on validation data.

    Overfitting is no explanation if this holds from the first epoch on.
    """
    losses, accuracy = case.validation_loss, case.validation_accuracy
    baseline = case.baseline_loss
    if len(losses) < MIN_EPOCHS or not baseline or losses.min() < 0.9 * baseline:
        return None
    training_loss = case.training_loss
    if training_loss > 0.5 * baseline:
        return None
    fractions = case.class_fractions
    if fractions is None:
        return None
    chance, largest = float(np.sum(fractions**2)), fractions.max()
    deviation = np.sqrt(chance * (1 - chance) / case.validation_size)
    wrong = accuracy is not None and accuracy[-1] < min(chance / 2, chance - 3 * deviation)
    guesses = accuracy is None or max(accuracy) < largest + 0.1
    high = losses.min() > baseline and losses[0] > 1.1 * baseline
    if not wrong and not (guesses and high):
        return None
    evidence = f"the loss of the training data is {training_loss:.3g}, that of the validation data "
    evidence += f"{losses.min():.3g} at best, worse than guessing ({baseline:.3g})"
    evidence += f"; validation accuracy {accuracy[-1]:.0%}" if accuracy is not None else ""
    advice = "to compare labels and inputs of the two (labels off by one, or in another order?)"
    return Finding("training and validation disagree", evidence, advice)


def no_better_than_guessing(case: Case) -> Finding | None:
    """A model that predicts validation data no better than a constant, for no reason found."""
    loss, fractions = case.final_validation_loss, case.class_fractions
    if loss is None or not case.baseline_loss or not len(case.losses_of_epochs):
        return None
    if loss < 0.97 * case.baseline_loss:
        return None
    evidence = f"the validation loss is {loss:.3g}, that of a constant prediction "
    evidence += f"{case.baseline_loss:.3g}"
    if fractions is not None:
        accuracy = case.model_accuracy
        if accuracy is None or accuracy > fractions.max() + 0.1:
            return None
        evidence += f"; {accuracy:.0%} of the validation examples are right, "
        evidence += f"the most frequent class has {fractions.max():.0%}"
    advice = "diagnosis.overfit_one_batch, other inputs or more data, and longer training"
    return Finding("no better than guessing", evidence, advice, CERTAIN)
