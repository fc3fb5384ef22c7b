"""Time series and memory tasks for recurrent networks and transformers."""

import numpy as np

from kerasdl.data import splitting
from kerasdl.data.splits import Source
from kerasdl.utils import checks


def sine(seed, count=3000, window=32, horizon=1, noise=0.05) -> Source:
    """Sine: windows of two sine waves with noise, and the value `horizon` steps after each.

    The last tenth of the series is for testing, the tenth before it for validation; no window is in
    two splits.

    count: int, length of the series.
    window: int, length of an input.
    horizon: int, steps from the end of a window to its target.
    noise: float, standard deviation of the added noise.
    """
    checks.integers(window=window, horizon=horizon)
    checks.integers(at_least=20 * (window + horizon), count=count)
    checks.numbers(at_least=0, at_most=1e6, noise=noise)
    checks.memory(4 * count * (window + 10), count=count, window=window)  # each step has a window
    rng = np.random.default_rng(seed)
    phases = 2 * np.pi * rng.random(2)
    time = np.arange(count)
    series = np.sin(2 * np.pi * time / 25 + phases[0]) + np.sin(2 * np.pi * time / 60 + phases[1])
    series = (series / 2 + noise * rng.standard_normal(count)).astype("float32")
    train, validation, test = (
        windows(part, window, horizon) for part in splitting.in_sequence(series)
    )
    return Source("regression", train, validation, test)


def windows(series: np.ndarray, window: int, horizon: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return each window of a series and the value `horizon` later: (n, window, 1), (n, 1).

    >>> windows(np.arange(100.0), window=10)[0].shape
    (90, 10, 1)
    """
    inputs = np.lib.stride_tricks.sliding_window_view(series, window)[: -horizon or None]
    return inputs[..., np.newaxis].copy(), series[window + horizon - 1 :, np.newaxis]


def adding(seed, count=20_000, steps=50) -> Source:
    """Adding problem: numbers in [0, 1), two of them marked; the target is the sum of these two.

    Always predicting 1 has a mean squared error of 1/6 = 0.167 (Hochreiter, Schmidhuber, 1997).

    count: int, number of sequences; a tenth is for validation, a tenth for testing.
    steps: int, length of the sequences; each half has one marked number.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(at_least=2, steps=steps)
    checks.memory(5 * 4 * count * steps, count=count, steps=steps)  # numbers, marks, both, product
    rng = np.random.default_rng(seed)
    values = rng.random((count, steps), dtype="float32")
    marks = np.zeros_like(values)
    half = steps // 2
    for low, high in ((0, half), (half, steps)):
        marks[np.arange(count), rng.integers(low, high, count)] = 1
    sums = (values * marks).sum(axis=1, keepdims=True)
    return Source("regression", *splitting.in_sequence((np.stack([values, marks], -1), sums)))


def copy(seed, count=20_000, delay=30, length=5, symbols=8) -> Source:
    """Copy task: symbols, many blanks and a signal, after which the symbols must be repeated.

    A model that predicts blanks, and random symbols at the end, has a cross-entropy of
    length log(symbols) / (delay + 2 length).

    count: int, number of sequences; a tenth is for validation, a tenth for testing.
    delay: int, steps from the last symbol to its first repetition; the last of them is the signal.
    length: int, number of symbols to remember.
    symbols: int, number of different symbols, at most 100,000.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(delay=delay, length=length)
    checks.integers(at_least=2, symbols=symbols, limit=100_000)
    time = delay + 2 * length
    checks.memory(3 * 4 * count * time, count=count, delay=delay, length=length)
    rng = np.random.default_rng(seed)
    shown = rng.integers(2, 2 + symbols, (count, length), dtype="int32")
    inputs = np.zeros((count, time), "int32")
    targets = np.zeros_like(inputs)
    inputs[:, :length] = shown
    inputs[:, length + delay - 1] = 1
    targets[:, -length:] = shown
    vocabulary = ("blank", "signal", *(chr(ord("a") + i) for i in range(symbols)))
    train, validation, test = splitting.in_sequence((inputs, targets))
    return Source("sequence", train, validation, test, vocabulary=vocabulary)
