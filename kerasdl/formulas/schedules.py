"""Learning-rate schedules: the learning rate at step t, which may be an array.

A schedule that ends keeps its last value. `kerasdl.schedules` has those that Keras lacks.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike


def constant(t: ArrayLike, initial: float = 0.1) -> np.ndarray:
    """Constant learning rate, the baseline.

        eta_t = eta_0

    Args:
        t: array, steps.
        initial: float, learning rate eta_0.

    >>> constant(np.arange(3)).tolist()
    [0.1, 0.1, 0.1]
    """
    return np.full(np.shape(t), initial)


def step_decay(
    t: ArrayLike, initial: float = 0.1, factor: float = 0.5, every: int = 10
) -> np.ndarray:
    """Step decay: multiply the learning rate by a factor every T steps.

        eta_t = eta_0 gamma^floor(t / T)

    Args:
        t: array, steps.
        initial: float, eta_0.
        factor: float, gamma.
        every: int, T.

    >>> step_decay(np.array([0, 9, 10, 19, 20])).tolist()
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """
    return initial * factor ** np.floor(np.asarray(t) / every)


def exponential_decay(t: ArrayLike, initial: float = 0.1, rate: float = 0.05) -> np.ndarray:
    """Exponential decay: lose the same fraction in every step.

        eta_t = eta_0 e^(-lambda t)        Keras's decay_rate is e^-lambda

    Args:
        t: array, steps.
        initial: float, eta_0.
        rate: float, lambda.

    >>> exponential_decay(np.array([10, 20])).round(6).tolist()
    [0.060653, 0.036788]
    """
    return initial * np.exp(-rate * np.asarray(t))


def cosine_annealing(
    t: ArrayLike, initial: float = 0.1, steps: int = 100, lowest: float = 0.0
) -> np.ndarray:
    """Cosine annealing: half a cosine wave from the initial to the lowest learning rate.

        eta_t = eta_min + (eta_0 - eta_min) (1 + cos(pi t / T)) / 2        for t <= T

    Keras's `CosineDecay` has alpha = eta_min / eta_0.

    Args:
        t: array, steps.
        initial: float, eta_0.
        steps: int, T.
        lowest: float, eta_min.

    >>> cosine_annealing(np.array([0, 25, 50, 75, 100, 150])).round(6).tolist()
    [0.1, 0.085355, 0.05, 0.014645, 0.0, 0.0]

    Reference: Loshchilov and Hutter, 2017.
    """
    return lowest + (initial - lowest) * 0.5 * (1 + np.cos(np.pi * np.minimum(t, steps) / steps))


def polynomial_decay(
    t: ArrayLike, initial: float = 0.1, steps: int = 100, power: float = 1.0, lowest: float = 0.0
) -> np.ndarray:
    """Polynomial decay to the lowest learning rate; power 1 is a straight line.

        eta_t = eta_min + (eta_0 - eta_min) (1 - t / T)^p        for t <= T

    Args:
        t: array, steps.
        initial: float, eta_0.
        steps: int, T.
        power: float, p.
        lowest: float, eta_min.

    >>> polynomial_decay(np.array([0, 50, 100, 150]), power=2).tolist()
    [0.1, 0.025, 0.0, 0.0]
    """
    return lowest + (initial - lowest) * (1 - np.minimum(t, steps) / steps) ** power


def inverse_square_root(t: ArrayLike, initial: float = 0.1, steps: int = 100) -> np.ndarray:
    """Inverse square root decay: it never ends, so training may be of any length.

        eta_t = eta_0 / sqrt(1 + t / T)

    Args:
        t: array, steps.
        initial: float, eta_0.
        steps: int, T, after which the learning rate is eta_0 / sqrt(2).

    >>> inverse_square_root(np.array([0, 300])).tolist()
    [0.1, 0.05]
    """
    return initial / np.sqrt(1 + np.asarray(t) / steps)


def reduce_on_plateau(
    losses: Sequence[float], initial: float = 0.1, factor: float = 0.5, patience: int = 2
) -> list[float]:
    """Learning rate after each epoch if it is reduced whenever the loss stops falling.

        eta <- factor eta  when  t - t_best >= max(patience, 1), counted from the last reduction

    Keras's callback requires an improvement of 1e-4 by default.

    Args:
        losses: sequence of float, loss of each epoch.
        initial: float, first learning rate.
        factor: float, factor of a reduction.
        patience: int, epochs to wait for an improvement.

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


def triangle(t: ArrayLike, half: int) -> np.ndarray:
    """Triangle wave between 0 and 1.

        x = |t / s - 2 floor(1/2 + t / 2s)|

    Args:
        t: array, steps.
        half: int, steps s from 0 to 1.

    >>> triangle(np.array([0, 50, 100, 150, 200, 300]), half=100).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0, 1.0]
    """
    t = np.asarray(t) / half
    return np.abs(t - 2 * np.floor(0.5 + t / 2))


def cyclical(
    t: ArrayLike,
    lowest: float = 1e-4,
    highest: float = 1e-2,
    half: int = 100,
    factor: float = 1.0,
    per: str = "step",
) -> np.ndarray:
    """Cyclical learning rate: up and down between two bounds, without end.

        eta_t = eta_min + (eta_max - eta_min) x_t gamma^t        x_t: `triangle`

    High learning rates leave sharp minima, low ones settle in flat ones.

    Args:
        t: array, steps.
        lowest: float, eta_min.
        highest: float, eta_max.
        half: int, steps of half a cycle.
        factor: float, gamma; below 1 the peaks shrink.
        per: str, "step" applies the factor in every step, "cycle" once a cycle; 1/2 per cycle is
            Smith's triangular2.

    >>> cyclical(np.array([0, 50, 100, 150, 200])).round(6).tolist()
    [0.0001, 0.00505, 0.01, 0.00505, 0.0001]

    Reference: Smith, 2017.
    """
    shrinks = np.floor(np.asarray(t) / (2 * half)) if per == "cycle" else np.asarray(t)
    return lowest + (highest - lowest) * triangle(t, half) * factor**shrinks


def one_cycle(
    t: ArrayLike,
    highest: float = 0.1,
    steps: int = 100,
    rise: float = 0.3,
    start: float = 25.0,
    end: float = 1e4,
) -> np.ndarray:
    """One-cycle schedule: rise to the peak, then fall far below the start.

        from eta_max / start to eta_max in r T steps, then to eta_max / (start end), by half cosines

    Args:
        t: array, steps.
        highest: float, eta_max.
        steps: int, T.
        rise: float, fraction r of the steps before the peak.
        start: float, peak divided by the first learning rate.
        end: float, first learning rate divided by the last.

    >>> [f"{rate:.2g}" for rate in one_cycle(np.array([0, 30, 65, 100]))]
    ['0.004', '0.1', '0.05', '4e-07']

    Reference: Smith and Topin, 2018.
    """
    return _one_cycle(t, highest / start, highest, highest / start / end, rise * steps, steps)


def one_cycle_momentum(
    t: ArrayLike, lowest: float = 0.85, highest: float = 0.95, steps: int = 100, rise: float = 0.3
) -> np.ndarray:
    """Momentum of the one-cycle schedule: low while the learning rate is high.

        from mu_max to mu_min in r T steps, and back, by half cosines

    Args:
        t: array, steps.
        lowest: float, mu_min.
        highest: float, mu_max.
        steps: int, T.
        rise: float, fraction r of the steps before the lowest value.

    >>> one_cycle_momentum(np.array([0, 30, 65, 100])).round(6).tolist()
    [0.95, 0.85, 0.9, 0.95]

    Reference: Smith and Topin, 2018.
    """
    return _one_cycle(t, highest, lowest, highest, rise * steps, steps)


def _one_cycle(t, first, middle, last, turn, steps):
    t = np.asarray(t)
    up = cosine_annealing(t, first, turn, middle)
    return np.where(t < turn, up, cosine_annealing(t - turn, middle, steps - turn, last))


def warm_up(t: ArrayLike, schedule: Callable, steps: int) -> np.ndarray:
    """Linear warm-up from 0, followed by another schedule.

        eta_t = s(0) t / w  for t < w        s(t - w) afterwards

    Adam's and BatchNorm's averages, and large batches, need some steps before they can be trusted.

    Args:
        t: array, steps.
        schedule: function s of the steps after the warm-up.
        steps: int, w, length of the warm-up.

    >>> warm_up(np.array([0, 5, 10, 60]), cosine_annealing, steps=10).tolist()
    [0.0, 0.05, 0.1, 0.05]

    Reference: Goyal et al., 2017.
    """
    t = np.asarray(t)
    return np.where(t < steps, schedule(0) * t / steps, schedule(np.maximum(t - steps, 0)))


def warm_up_cosine(
    t: ArrayLike, peak: float = 1e-3, warm_up_steps: int = 1000, steps: int = 10_000
) -> np.ndarray:
    """Linear warm-up, then cosine annealing to 0: the most common schedule of transformers.

        eta_t = peak t / w  for t < w        peak (1 + cos(pi (t - w) / (T - w))) / 2  for t <= T

    Written as a Keras schedule it must not branch on t with a Python `if`, which fails inside
    `fit`, and must hold 0 after T; `kerasdl.schedules.WarmUp` does both.

    Args:
        t: array, steps.
        peak: float, highest learning rate.
        warm_up_steps: int, w.
        steps: int, T.

    >>> warm_up_cosine(np.array([500, 1000, 3250, 5500, 10_000, 12_000])).round(8).tolist()
    [0.0005, 0.001, 0.00085355, 0.0005, 0.0, 0.0]
    """
    after = steps - warm_up_steps
    return warm_up(t, lambda t: cosine_annealing(t, peak, after), warm_up_steps)


def transformer(t: ArrayLike, width: int = 512, warm_up_steps: int = 4000) -> np.ndarray:
    """Schedule of the first transformer: linear warm-up, then inverse square root.

        eta_t = width^-1/2 min(t^-1/2, t w^-3/2)        t = 1, 2, ...

    Args:
        t: array, steps from 1.
        width: int, width of the model.
        warm_up_steps: int, w.

    >>> float(transformer(4000).round(9))
    0.000698771

    Reference: Vaswani et al., 2017.
    """
    t = np.asarray(t, float)
    return width**-0.5 * np.minimum(t**-0.5, t * warm_up_steps**-1.5)


def range_test(
    t: ArrayLike, lowest: float = 1e-7, highest: float = 1.0, steps: int = 100
) -> np.ndarray:
    """Learning rates of a range test: each is the same factor above the one before.

        eta_t = eta_min (eta_max / eta_min)^(t / T)

    Args:
        t: array, steps.
        lowest: float, eta_min.
        highest: float, eta_max.
        steps: int, T.

    >>> range_test(np.array([0, 50, 100]), lowest=1e-4).round(6).tolist()
    [0.0001, 0.01, 1.0]

    Reference: Smith, 2017.
    """
    return lowest * (highest / lowest) ** (np.asarray(t) / steps)


def steepest(rates: np.ndarray, losses: np.ndarray) -> float | np.ndarray:
    """Learning rate of a range test at which the loss fell fastest.

        argmin_eta dL / d(log eta)

    Args:
        rates: array, learning rates that were tried.
        losses: array like rates, loss at each.

    >>> steepest(np.array([0.001, 0.01, 0.1, 1.0]), np.array([2.0, 1.9, 1.0, 3.0]))
    0.01

    Reference: Smith, 2017.
    """
    return float(rates[np.argmin(np.gradient(losses, np.log(rates)))])
