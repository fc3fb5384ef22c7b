"""Learning-rate schedules: the rate at step t, for any t, also an array of them.

A schedule that ends keeps its last value. `kerasdl.schedules` has what Keras lacks of these.
"""

import numpy as np


def constant(t, initial=0.1):
    """The simple one to compare with.

        eta_t = eta_0

    Spec: SCH-01

    >>> constant(np.arange(3)).tolist()
    [0.1, 0.1, 0.1]
    """
    return np.full(np.shape(t), initial)


def step_decay(t, initial=0.1, factor=0.5, every=10):
    """A stair: the rate falls at once, every T steps.

        eta_t = eta_0 gamma^floor(t / T)

    Spec: SCH-02

    >>> step_decay(np.array([0, 9, 10, 19, 20])).tolist()
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """
    return initial * factor ** np.floor(np.asarray(t) / every)


def exponential_decay(t, initial=0.1, rate=0.05):
    """The same share lost in every step.

        eta_t = eta_0 e^(-lambda t)        Keras's decay_rate is e^-lambda

    Spec: SCH-03

    >>> exponential_decay(np.array([10, 20])).round(6).tolist()
    [0.060653, 0.036788]
    """
    return initial * np.exp(-rate * np.asarray(t))


def cosine_annealing(t, initial=0.1, steps=100, lowest=0.0):
    """Slow, fast, slow: half a wave down.

        eta_t = eta_min + (eta_0 - eta_min) (1 + cos(pi t / T)) / 2        for t <= T

    Keras's alpha is eta_min / eta_0.

    Spec: SCH-04, SCH-05

    >>> cosine_annealing(np.array([0, 25, 50, 75, 100, 150])).round(6).tolist()
    [0.1, 0.085355, 0.05, 0.014645, 0.0, 0.0]
    """
    return lowest + (initial - lowest) * 0.5 * (1 + np.cos(np.pi * np.minimum(t, steps) / steps))


def polynomial_decay(t, initial=0.1, steps=100, power=1.0, lowest=0.0):
    """A line down, or one that bends.

        eta_t = eta_min + (eta_0 - eta_min) (1 - t / T)^p        for t <= T

    Spec: SCH-06

    >>> polynomial_decay(np.array([0, 50, 100, 150]), power=2).tolist()
    [0.1, 0.025, 0.0, 0.0]
    """
    return lowest + (initial - lowest) * (1 - np.minimum(t, steps) / steps) ** power


def inverse_square_root(t, initial=0.1, steps=100):
    """Falls for ever, ever more slowly; one need not know when training will end.

        eta_t = eta_0 / sqrt(1 + t / T)

    >>> inverse_square_root(np.array([0, 300])).tolist()
    [0.1, 0.05]
    """
    return initial / np.sqrt(1 + np.asarray(t) / steps)


def reduce_on_plateau(losses, initial=0.1, factor=0.5, patience=2):
    """The rate after each epoch: lower when the loss has not fallen for some epochs.

        eta <- factor eta  when  t - t_best >= max(patience, 1), counted anew from then on

    Keras's callback calls a loss fallen when it fell by 1e-4, unless it is told otherwise.

    Spec: SCH-07

    >>> reduce_on_plateau([1, 0.9, 0.9, 0.9, 0.9])
    [0.1, 0.1, 0.1, 0.05, 0.05]
    """
    rate, best, waited, rates = initial, np.inf, 0, []
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited >= max(patience, 1):
            rate, waited = rate * factor, 0
        rates.append(rate)
    return rates


def triangle(t, half):
    """Up in `half` steps and down in as many, between 0 and 1.

        x = |t / s - 2 floor(1/2 + t / 2s)|

    Spec: SCH-08

    >>> triangle(np.array([0, 50, 100, 150, 200, 300]), half=100).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0, 1.0]
    """
    t = np.asarray(t) / half
    return np.abs(t - 2 * np.floor(0.5 + t / 2))


def cyclical(t, lowest=1e-4, highest=1e-2, half=100, factor=1.0, per="step"):
    """Up and down for ever: high rates leave sharp valleys, low ones settle. It has no end.

        eta_t = eta_min + (eta_max - eta_min) x_t gamma^t        gamma < 1: exponential range

    With per="cycle" the peaks shrink by gamma from cycle to cycle: 1/2 is Smith's triangular2.

    Spec: SCH-08

    >>> cyclical(np.array([0, 50, 100, 150, 200])).round(6).tolist()
    [0.0001, 0.00505, 0.01, 0.00505, 0.0001]
    """
    shrinks = np.floor(np.asarray(t) / (2 * half)) if per == "cycle" else np.asarray(t)
    return lowest + (highest - lowest) * triangle(t, half) * factor**shrinks


def one_cycle(t, highest=0.1, steps=100, rise=0.3, start=25.0, end=1e4):
    """One wave up and a longer one down, far below the start; momentum does the reverse.

        from eta_max / start to eta_max in r T steps, then to eta_max / (start end), by half cosines

    Spec: SCH-09

    >>> [f"{rate:.2g}" for rate in one_cycle(np.array([0, 30, 65, 100]))]
    ['0.004', '0.1', '0.05', '4e-07']
    """
    return _one_cycle(t, highest / start, highest, highest / start / end, rise * steps, steps)


def one_cycle_momentum(t, lowest=0.85, highest=0.95, steps=100, rise=0.3):
    """Low while the rate is high: steps that are long remember less.

        from mu_max to mu_min in r T steps, and back, by half cosines

    Spec: SCH-09

    >>> one_cycle_momentum(np.array([0, 30, 65, 100])).round(6).tolist()
    [0.95, 0.85, 0.9, 0.95]
    """
    return _one_cycle(t, highest, lowest, highest, rise * steps, steps)


def _one_cycle(t, first, middle, last, turn, steps):
    t = np.asarray(t)
    up = cosine_annealing(t, first, turn, middle)
    return np.where(t < turn, up, cosine_annealing(t - turn, middle, steps - turn, last))


def warm_up(t, schedule, steps):
    """A line from 0 to where any schedule starts, which then begins.

        eta_t = s(0) t / w  for t < w        s(t - w) afterwards

    Adam's averages, BatchNorm's and large batches need some steps before they can be trusted.

    Spec: SCH-10, TRN-17

    >>> warm_up(np.array([0, 5, 10, 60]), cosine_annealing, steps=10).tolist()
    [0.0, 0.05, 0.1, 0.05]
    """
    t = np.asarray(t)
    return np.where(t < steps, schedule(0) * t / steps, schedule(np.maximum(t - steps, 0)))


def warm_up_cosine(t, peak=1e-3, warm_up_steps=1000, steps=10_000):
    """The most used of all.

        eta_t = peak t / w  for t < w        peak (1 + cos(pi (t - w) / (T - w))) / 2  for t <= T

    The notes' class asks with a Python `if` whether t < w, which fails inside `fit`; it cannot be
    saved; and past T its rate rises again. `kerasdl.schedules.WarmUp` does none of that.

    Spec: SCH-11, E-10

    >>> warm_up_cosine(np.array([500, 1000, 3250, 5500, 10_000, 12_000])).round(8).tolist()
    [0.0005, 0.001, 0.00085355, 0.0005, 0.0, 0.0]
    """
    after = steps - warm_up_steps
    return warm_up(t, lambda t: cosine_annealing(t, peak, after), warm_up_steps)


def transformer(t, width=512, warm_up_steps=4000):
    """The first transformer's: a line up, then the inverse square root.

        eta_t = width^-1/2 min(t^-1/2, t w^-3/2)        t = 1, 2, ...

    Spec: SCH-10

    >>> float(transformer(4000).round(9))
    0.000698771
    """
    t = np.asarray(t, float)
    return width**-0.5 * np.minimum(t**-0.5, t * warm_up_steps**-1.5)


def range_test(t, lowest=1e-7, highest=1.0, steps=100):
    """Rates to try, each the same factor above the last: where does the loss fall fastest?

        eta_t = eta_min (eta_max / eta_min)^(t / T)

    Spec: SCH-12

    >>> range_test(np.array([0, 50, 100]), lowest=1e-4).round(6).tolist()
    [0.0001, 0.01, 1.0]
    """
    return lowest * (highest / lowest) ** (np.asarray(t) / steps)


def steepest(rates, losses):
    """The rate at which the loss falls fastest, of those that a range test has tried.

        argmin_eta dL / d(log eta)

    Spec: SCH-12

    >>> steepest(np.array([0.001, 0.01, 0.1, 1.0]), np.array([2.0, 1.9, 1.0, 3.0]))
    0.01
    """
    return float(rates[np.argmin(np.gradient(losses, np.log(rates)))])
