"""Symptoms in the learning curves, and two short trainings that help to read them."""

import time

import numpy as np

from kerasdl.diagnosis import overfitting, temporary_training
from kerasdl.diagnosis.case import CERTAIN, LIKELY, TRIAL_STEPS, Case, Finding

MIN_EPOCHS = 3  # for a curve
LOWER, HIGHER = (0.1, 0.01), (10.0, 100.0, 1000.0)  # multiples of the learning rate to compare
GAP, RATIO = 0.25, 3.0  # between validation and training loss: of the scale, and as a ratio
FEWEST = 20  # validation examples to judge a gap by
SLOWEST = 5e-3  # seconds for a batch that are never too long


def not_finite(case: Case) -> Finding | None:
    """A loss or metric that became NaN or infinite."""
    if not case.history and case.supervised and not np.isfinite(case.training_loss):
        evidence = f"the loss on training data is {case.training_loss}"
        advice = "a lower learning rate, clipnorm=1.0, or callbacks.NonFinite to find the layer"
        return Finding("the loss is NaN or infinite", evidence, advice, CERTAIN)
    for name in case.history:
        values = case.curve(name)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            evidence = f"{name} is {values[bad[0]]} in epoch {bad[0] + 1}"
            advice = "a lower learning rate, clipnorm=1.0, or callbacks.NonFinite to find the layer"
            return Finding("the loss is NaN or infinite", evidence, advice, CERTAIN)
    return None


def learning_rate_too_high(case: Case) -> Finding | None:
    """A training loss that rises, that stays above that of guessing, or falls at lower rates."""
    loss = case.losses_of_epochs
    if len(loss) < MIN_EPOCHS:
        return None
    scale = case.scale or abs(loss[0])
    rises = np.mean((loss[1:] > 1.1 * loss[:-1]) & (np.diff(loss) > 0.05 * scale))
    grew = loss[-1] > 1.5 * loss.min() and loss[-1] > 0.9 * loss[0]
    grew = grew and loss[-1] - loss.min() > 0.1 * scale
    # worse than guessing: confident and wrong
    guessing = case.baseline_loss
    confident = bool(guessing and loss[1:].min() > 2 * guessing)
    slower = None
    if not (grew or rises > 0.25 or confident):
        slower = _better_rate(case, LOWER) if _is_stuck(case) else None
        if slower is None:
            return None
    evidence = f"the loss goes from {loss[0]:.3g} to {loss[-1]:.3g} (lowest {loss.min():.3g}) and "
    evidence += f"rises by more than 10% in {rises:.0%} of the epochs"
    evidence += f"; guessing has {guessing:.3g}" if confident else ""
    slower = slower or (_better_rate(case, LOWER) if case.fresh else None)
    evidence += f"; {slower}" if slower else ""
    advice = "a tenth of the learning rate, or a warm-up"
    return Finding("learning rate too high", evidence, advice)


def learning_rate_too_low(case: Case) -> Finding | None:
    """A loss that hardly falls, though it does at ten times the learning rate or more."""
    loss = case.losses_of_epochs
    if len(loss) < MIN_EPOCHS or not _is_stuck(case):
        return None
    faster = _better_rate(case, HIGHER)
    if faster is None:
        return None
    evidence = f"the loss fell by only {_fallen(case):.0%}; {faster}"
    advice = "ten times the learning rate, repeatedly"
    return Finding("learning rate too low", evidence, advice)


def _fallen(case):
    """By which fraction the training loss fell, from that of guessing if it began lower."""
    loss = case.losses_of_epochs
    first = max(loss[0], case.baseline_loss or loss[0])
    return (first - loss.min()) / max(abs(first - case.lowest_loss), 1e-12)


def _is_stuck(case):
    """Whether the loss hardly fell, for a model whose learning can be repeated."""
    return bool(case.fresh) and case.supervised and _fallen(case) < 0.3


def _better_rate(case, factors):
    """Evidence that untrained models learn faster at multiples of the learning rate, or `None`."""
    used, losses = case.trials
    best = min(factors, key=lambda factor: losses[factor])
    scale = case.scale or abs(case.losses_of_epochs[0])
    if not np.isfinite(losses[best]) or losses[1.0] - losses[best] < 0.15 * scale:
        return None
    return (
        f"a new model trained for {TRIAL_STEPS} steps has a loss of {losses[best]:.3g} at a "
        f"learning rate of {best * used:.1e} and {losses[1.0]:.3g} at {used:.1e}"
    )


def too_small(case: Case) -> Finding | None:
    """A training loss that stays high, for a model that cannot overfit one batch either."""
    loss = case.losses_of_epochs
    if len(loss) < MIN_EPOCHS or case.scale is None or not case.fresh:
        return None
    lowest, scale = case.lowest_loss, case.scale
    plateau = loss[-(len(loss) // 3 + 1)] - loss[-1] < 0.1 * loss[-1]
    if not plateau or loss[-1] - lowest < 0.35 * scale:
        return None
    goal = lowest + 0.1 * scale
    found = overfitting.overfit_one_batch(
        case.untrained, case.train, steps=400, goal=goal, learning_rate=0.01
    )
    if found.reached:
        return None
    evidence = f"the training loss stays at {loss[-1]:.3g} (guessing has {lowest + scale:.3g}), "
    evidence += f"and that of a single batch, trained on alone, at {found.losses.min():.3g}"
    advice = "a wider or deeper network, less dropout and regularization"
    return Finding("underfitting: too little capacity", evidence, advice)


def overfitted(case: Case) -> Finding | None:
    """A validation loss far above the training loss, or one that rises while training goes on."""
    rise, gap = _rise(case), _gap(case)
    if rise is None and gap is None:
        return None
    advice = "early stopping, augmentation, dropout or weight decay, a smaller network, more data"
    certainty = CERTAIN if rise and gap else LIKELY
    return Finding("overfitting", "; ".join(filter(None, (gap, rise))), advice, certainty)


def _gap(case):
    """Evidence that the validation loss is several times the training loss, or `None`."""
    loss = case.final_validation_loss
    if loss is None or not case.supervised or case.validation_size < FEWEST:
        return None
    scale, trained = case.scale, case.training_loss - case.lowest_loss
    if scale is None and len(case.loss):
        scale = abs(case.loss[0])
    if not scale or not np.isfinite([loss, trained]).all():
        return None
    other = loss - case.lowest_loss
    if other < RATIO * trained or other - trained < GAP * scale or trained > 0.7 * scale:
        return None
    evidence = f"the validation loss is {loss:.3g}, the training loss {case.training_loss:.3g}"
    return evidence + (f"; guessing has {scale + case.lowest_loss:.3g}" if case.scale else "")


def _rise(case):
    """Evidence that the validation loss rose from its best epoch to the last one, or `None`."""
    epochs = min(len(case.loss), len(case.validation_loss))
    loss, validation = case.loss[:epochs], case.validation_loss[:epochs]
    if epochs < MIN_EPOCHS:
        return None
    best = int(np.argmin(validation))
    learned = loss[-1] < 0.7 * loss[best] or loss[-1] < 0.1 * validation[-1]
    if validation[-1] <= 1.2 * validation[best] or best >= 0.8 * epochs or not learned:
        return None
    rise = validation[-1] - validation[best]
    if rise < 0.1 * (case.scale or abs(loss[0])):
        return None
    final = case.final_validation_loss
    if final is not None and final < validation[best] + 0.3 * rise:
        return None  # the weights of the best epoch were restored
    evidence = f"the validation loss was lowest in epoch {best + 1} ({validation[best]:.3g}) and "
    evidence += f"rose to {validation[-1]:.3g}, while the training loss fell to {loss[-1]:.3g}"
    return evidence


def evaluates_differently(case: Case) -> Finding | None:
    """A loss that is much higher in evaluation than in training, on the same data."""
    if not len(case.loss) or not np.isfinite(case.loss[-1]) or not case.supervised:
        return None
    evaluated = case.training_loss
    if evaluated <= 3 * case.loss[-1] + 0.5:
        return None
    evidence = f"on the same data the loss is {case.loss[-1]:.3g} in training and {evaluated:.3g} "
    evidence += "in evaluation"
    advice = "to look at layers that act differently in training: dropout, noise, normalization"
    return Finding("training and evaluation differ", evidence, advice, CERTAIN)


def waits_for_data(case: Case, seconds: float = 0.2) -> Finding | None:
    """A pipeline that needs longer for a batch than a training step needs with it."""
    batches = iter(case.train.repeat())
    batch = next(batches)
    data_seconds = _median_seconds(lambda: next(batches), seconds)
    if data_seconds <= SLOWEST:
        return None
    with temporary_training.restored(case.model, batch):
        step = temporary_training.training_step(case.model)
        step(batch)
        step_seconds = _median_seconds(lambda: step(batch), seconds)
    if data_seconds <= 2 * step_seconds:
        return None
    evidence = f"the pipeline takes {1e3 * data_seconds:.1f} ms for a batch, the training step "
    evidence += f"{1e3 * step_seconds:.1f} ms"
    advice = "kerasdl.data.throughput to find the slow stage; cache, prefetch, parallel map"
    return Finding("waiting for data", evidence, advice)


def _median_seconds(call, seconds):
    found: list[float] = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        before = time.perf_counter()
        call()
        found.append(time.perf_counter() - before)
    return float(np.median(found))
