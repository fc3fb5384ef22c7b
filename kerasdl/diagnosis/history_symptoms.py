"""Symptoms in the learning curves, and two short trainings that help to read them."""

import time

import numpy as np

from kerasdl.diagnosis import overfitting, range_test, temporary_training
from kerasdl.diagnosis.case import Case, Finding
from kerasdl.errors import InvalidInput

MIN_EPOCHS = 3  # for a curve


def not_finite(case: Case) -> Finding | None:
    """A loss or metric that became NaN or infinite."""
    for name in case.history:
        values = case.curve(name)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            evidence = f"{name} is {values[bad[0]]} in epoch {bad[0] + 1}"
            advice = "a lower learning rate, clipnorm=1.0, or callbacks.NonFinite to find the layer"
            return Finding("the loss is NaN or infinite", evidence, advice)
    return None


def learning_rate_too_high(case: Case) -> Finding | None:
    """A training loss that rises, or that stays far above that of guessing."""
    loss = case.loss
    if len(loss) < MIN_EPOCHS:
        return None
    rises = np.mean(loss[1:] > 1.1 * loss[:-1])
    grew = loss[-1] > 1.5 * loss.min() and loss[-1] > 0.9 * loss[0]
    # worse than guessing: confident and wrong
    guessing = case.baseline_loss
    confident = bool(guessing and loss[1:].min() > 2 * guessing)
    if not (grew or rises > 0.25 or confident):
        return None
    evidence = f"the loss goes from {loss[0]:.3g} to {loss[-1]:.3g} (lowest {loss.min():.3g}) and "
    evidence += f"rises by more than 10% in {rises:.0%} of the epochs"
    evidence += f"; guessing has {case.baseline_loss:.3g}" if confident else ""
    advice = "a tenth of the learning rate, or a warm-up"
    return Finding("learning rate too high", evidence + _suggested(case), advice)


def learning_rate_too_low(case: Case) -> Finding | None:
    """A loss that hardly falls, though it does at ten times the learning rate."""
    loss = case.loss
    if len(loss) < MIN_EPOCHS or not case.fresh:
        return None
    fallen = (loss[0] - loss.min()) / abs(loss[0] - case.lowest_loss)
    if fallen > 0.3:
        return None
    used, found = _learning_rate(case.untrained), _range_test(case)
    if found is None or not found.suggestion or found.suggestion < 10 * used:
        return None
    evidence = f"the loss fell by only {fallen:.0%}; the learning rate is {used:.1e}, and the "
    evidence += f"loss falls fastest at {found.suggestion:.1e}"
    advice = "ten times the learning rate, repeatedly"
    return Finding("learning rate too low", evidence, advice)


def _learning_rate(model):
    """The highest learning rate of an optimizer, in some of the first 3000 steps of a schedule."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    learning_rate = optimizer._learning_rate
    if not callable(learning_rate):
        return float(learning_rate)
    return max(float(learning_rate(step)) for step in (0, 1, 10, 30, 100, 300, 1000, 3000))


def _range_test(case):
    try:
        return range_test.lr_find(case.untrained, case.train, low=1e-6, high=10.0, steps=80)
    except InvalidInput:
        return None


def _suggested(case):
    found = _range_test(case) if case.fresh else None
    if found is None or not found.suggestion:
        return ""
    used = _learning_rate(case.untrained)
    return f"; the learning rate is {used:.1e}, the loss falls fastest at {found.suggestion:.1e}"


def too_small(case: Case) -> Finding | None:
    """A training loss that stays high, for a model that cannot overfit one batch either."""
    loss = case.loss
    if len(loss) < MIN_EPOCHS or not case.classifies or not case.fresh:
        return None
    baseline, lowest = case.class_entropy, case.lowest_loss
    plateau = loss[-(len(loss) // 3 + 1)] - loss[-1] < 0.1 * loss[-1]
    if not plateau or loss[-1] - lowest < 0.35 * (baseline - lowest):
        return None
    goal = lowest + 0.1 * (baseline - lowest)
    found = overfitting.overfit_one_batch(
        case.untrained, case.train, steps=400, goal=goal, learning_rate=0.01
    )
    if found.reached:
        return None
    evidence = f"the training loss stays at {loss[-1]:.3g} (guessing has {baseline:.3g}), and "
    evidence += f"that of a single batch, trained on alone, at {found.losses.min():.3g}"
    advice = "a wider or deeper network, less dropout and regularization"
    return Finding("underfitting: too little capacity", evidence, advice)


def contradicting_labels(case: Case) -> Finding | None:
    """A model that learns the training data but is worse than a guess on validation data.

    Overfitting is no explanation if this holds from the first epoch on.
    """
    losses, accuracy = case.validation_loss, case.validation_accuracy
    baseline = case.baseline_loss
    if len(losses) < MIN_EPOCHS or not baseline or losses.min() < 0.9 * baseline:
        return None
    training_loss = _evaluated_loss(case)
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


def overfitted(case: Case) -> Finding | None:
    """A validation loss that rises while the training loss falls."""
    epochs = min(len(case.loss), len(case.validation_loss))
    loss, validation = case.loss[:epochs], case.validation_loss[:epochs]
    if epochs < MIN_EPOCHS:
        return None
    best = int(np.argmin(validation))
    learned = loss[-1] < 0.7 * loss[best] or loss[-1] < 0.1 * validation[-1]
    if validation[-1] <= 1.2 * validation[best] or best >= 0.8 * epochs or not learned:
        return None
    evidence = f"the validation loss was lowest in epoch {best + 1} ({validation[best]:.3g}) and "
    evidence += f"rose to {validation[-1]:.3g}, while the training loss fell to {loss[-1]:.3g}"
    advice = "early stopping, augmentation, dropout or weight decay, a smaller network, more data"
    return Finding("overfitting", evidence, advice)


def evaluates_differently(case: Case) -> Finding | None:
    """A loss that is much higher in evaluation than in training, on the same data."""
    if not len(case.loss) or not np.isfinite(case.loss[-1]) or not case.supervised:
        return None
    evaluated = _evaluated_loss(case)
    if evaluated <= 3 * case.loss[-1] + 0.5:
        return None
    evidence = f"on the same data the loss is {case.loss[-1]:.3g} in training and {evaluated:.3g} "
    evidence += "in evaluation"
    advice = "to look at layers that act differently in training: dropout, noise, normalization"
    return Finding("training and evaluation differ", evidence, advice)


def _evaluated_loss(case):
    """The loss of the trained model on training data."""
    return case.model.evaluate(case.train.take(20), verbose=0, return_dict=True)["loss"]


def waits_for_data(case: Case, seconds: float = 0.3) -> Finding | None:
    """A pipeline that needs longer for a batch than a training step needs with it."""
    batch = next(iter(case.train))
    with temporary_training.restored(case.model, batch):
        step = temporary_training.training_step(case.model)
        step(batch)
        step_seconds = _mean_seconds(lambda: step(batch), seconds)
    batches = iter(case.train.repeat())
    next(batches)
    data_seconds = _mean_seconds(lambda: next(batches), seconds)
    if data_seconds <= 2 * step_seconds or data_seconds <= 2e-3:
        return None
    evidence = f"the pipeline takes {1e3 * data_seconds:.1f} ms for a batch, the training step "
    evidence += f"{1e3 * step_seconds:.1f} ms"
    advice = "kerasdl.data.throughput to find the slow stage; cache, prefetch, parallel map"
    return Finding("waiting for data", evidence, advice)


def _mean_seconds(call, seconds):
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        call()
        count += 1
    return (time.perf_counter() - begin) / count
