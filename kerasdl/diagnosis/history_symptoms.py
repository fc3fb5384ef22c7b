"""What the curves say, and what two short trials add to them."""

import time

import numpy as np

from kerasdl.diagnosis import overfitting, range_test, trial
from kerasdl.diagnosis.case import Finding
from kerasdl.errors import InvalidInput

LEAST = 3  # epochs that make a curve


def not_finite(case):
    for name, values in case.history.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            evidence = f"{name} is {values[bad[0]]} in epoch {bad[0] + 1}"
            advice = "a lower learning rate, clipnorm=1.0, or callbacks.NonFinite to find the layer"
            return Finding("loss no number", evidence, advice)
    return None


def rate_too_high(case):
    loss = case.loss
    if len(loss) < LEAST:
        return None
    rises = np.mean(loss[1:] > 1.1 * loss[:-1])
    grew = loss[-1] > 1.5 * loss.min() and loss[-1] > 0.9 * loss[0]
    lost = bool(case.guessing) and loss[1:].min() > 2 * case.guessing  # sure of what is wrong
    if not (grew or rises > 0.25 or lost):
        return None
    evidence = f"the loss goes from {loss[0]:.3g} to {loss[-1]:.3g}, best {loss.min():.3g}; "
    evidence += f"it rose by a tenth in {rises:.0%} of the epochs"
    evidence += f"; guessing has {case.guessing:.3g}" if lost else ""
    return Finding(
        "learning rate too high", evidence + _suggested(case), "a tenth of it, a warm-up"
    )


def rate_too_low(case):
    """The loss hardly falls, and a range test knows a rate ten times as high at which it does."""
    loss = case.loss
    if len(loss) < LEAST or not case.fresh:
        return None
    fallen = (loss[0] - loss.min()) / abs(loss[0] - case.least_loss)
    if fallen > 0.3:
        return None
    used, found = _rate(case.newborn), _range(case)
    if found is None or not found.suggestion or found.suggestion < 10 * used:
        return None
    evidence = f"the loss fell by {fallen:.0%} only; "
    evidence += f"the rate is {used:.1e}, it falls fastest at {found.suggestion:.1e}"
    return Finding("learning rate too low", evidence, "ten times the rate, again and again")


def _rate(model):
    """The largest that the optimizer takes."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    rate = optimizer._learning_rate
    if not callable(rate):
        return float(rate)
    return max(float(rate(step)) for step in (0, 1, 10, 30, 100, 300, 1000, 3000))


def _range(case):
    try:
        return range_test.lr_find(case.newborn, case.train, low=1e-6, high=10.0, steps=80)
    except InvalidInput:
        return None


def _suggested(case):
    if not case.fresh:
        return ""
    found = _range(case)
    if found is None or not found.suggestion:
        return ""
    used = _rate(case.newborn)
    return f"; the rate is {used:.1e}, the loss falls fastest at {found.suggestion:.1e}"


def too_small(case):
    """A loss that stays high, and a batch that cannot be learned by heart."""
    loss = case.loss
    if len(loss) < LEAST or not case.classifies or not case.fresh:
        return None
    guessing = -float(np.sum(case.shares * np.log(case.shares)))  # knowing the shares only
    least = case.least_loss
    plateau = loss[-(len(loss) // 3 + 1)] - loss[-1] < 0.1 * loss[-1]
    if not plateau or loss[-1] - least < 0.35 * (guessing - least):
        return None
    goal = least + 0.1 * (guessing - least)
    options = {"steps": 400, "goal": goal, "learning_rate": 0.01}
    learned = overfitting.overfit_one_batch(case.newborn, case.train, **options)
    if learned.reached:
        return None
    evidence = (
        f"the training loss stays at {loss[-1]:.3g} (guessing: {guessing:.3g}), and one batch "
    )
    evidence += f"learned by heart still has {learned.losses.min():.3g}"
    advice = "a wider or deeper network, less dropout and regularisation"
    return Finding("underfitting: too little capacity", evidence, advice)


def disagreeing(case):
    """Never overfitted: what was learned is worse than a guess on other data from the beginning."""
    judged, right = case.validation_loss, case.validated
    if len(judged) < LEAST or not case.guessing or judged.min() < 0.9 * case.guessing:
        return None
    if _given(case) > 0.5 * case.guessing:
        return None
    chance, most = float(np.sum(case.shares**2)), case.shares.max()
    spread = np.sqrt(chance * (1 - chance) / case.judges)
    wrong = right is not None and right[-1] < min(chance / 2, chance - 3 * spread)
    guesses = right is None or max(right) < most + 0.1
    high = judged.min() > case.guessing and judged[0] > 1.1 * case.guessing
    if not wrong and not (guesses and high):
        return None
    evidence = f"training data has a loss of {_given(case):.3g}, validation data "
    evidence += f"{judged.min():.3g} at best, worse than guessing ({case.guessing:.3g})"
    evidence += f", with {right[-1]:.0%} right" if right is not None else ""
    advice = "to look whether their labels are the same (off by one? another order?), and inputs"
    return Finding("training and validation disagree", evidence, advice)


def overfitting_(case):
    loss, judged = case.loss, case.validation_loss
    if len(judged) < LEAST:
        return None
    best = int(np.argmin(judged))
    learned = loss[-1] < 0.7 * loss[best] or loss[-1] < 0.1 * judged[-1]
    if judged[-1] > 1.2 * judged[best] and best < 0.8 * len(judged) and learned:
        evidence = (
            f"the validation loss was best in epoch {best + 1} ({judged[best]:.3g}) and rose "
        )
        evidence += f"to {judged[-1]:.3g}, while the training loss fell to {loss[-1]:.3g}"
        advice = (
            "early stopping, augmentation, dropout or weight decay, a smaller network, more data"
        )
        return Finding("overfitting", evidence, advice)
    return None


def judged_otherwise(case):
    """The same data, trained on and judged: dropout apart, the loss should be alike."""
    if not len(case.loss) or not np.isfinite(case.loss[-1]) or not case.supervised:
        return None
    given = _given(case)
    if given > 3 * case.loss[-1] + 0.5:
        evidence = f"{case.loss[-1]:.3g} while training, {given:.3g} when judged, on the same data"
        advice = "larger batches or a lower momentum for batch normalisation, more steps"
        return Finding("training and judging differ", evidence, advice)
    return None


def _given(case):
    """The loss of the trained model on training data."""
    return case.model.evaluate(case.train.take(20), verbose=0, return_dict=True)["loss"]


def waits_for_data(case, seconds=0.3):
    """A step on a batch that is there already, against how long a batch takes to come."""
    batch = next(iter(case.train))
    with trial.trial(case.model, batch):
        step = trial.stepper(case.model)
        step(batch)
        computing = _mean(lambda: step(batch), seconds)
    batches = iter(case.train.repeat())
    next(batches)
    coming = _mean(lambda: next(batches), seconds)
    if coming > 2 * computing and coming > 2e-3:
        evidence = (
            f"a batch takes {1e3 * coming:.1f} ms to come, a step on it {1e3 * computing:.1f}"
        )
        advice = "kerasdl.data.throughput to find the slow stage; cache, prefetch, parallel map"
        return Finding("waiting for data", evidence, advice)
    return None


def _mean(call, seconds):
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        call()
        count += 1
    return (time.perf_counter() - begin) / count
