"""Series and memory tasks for recurrent networks and transformers."""

import numpy as np

from kerasdl.data import splitting
from kerasdl.data.splits import Source


def sine(seed, count=3000, window=32, horizon=1, noise=0.05):
    """Sine: two sine waves and noise; from a window of the series, the value `horizon` later.

    The last tenth of the series tests, the tenth before validates; no window crosses a border.

    count: Length of the series.
    window: Length of an input.
    horizon: How far ahead the target is.
    noise: Standard deviation of what is added.
    """
    for name, value in (("count", count), ("window", window), ("horizon", horizon)):
        splitting.check_integer(name, value, 1)
    splitting.check_integer("count", count, 20 * (window + horizon))
    splitting.check_number("noise", noise)
    rng = np.random.default_rng(seed)
    phases = 2 * np.pi * rng.random(2)
    time = np.arange(count)
    series = np.sin(2 * np.pi * time / 25 + phases[0]) + np.sin(2 * np.pi * time / 60 + phases[1])
    series = (series / 2 + noise * rng.standard_normal(count)).astype("float32")
    parts = [windows(part, window, horizon) for part in splitting.in_sequence(series)]
    return Source("regression", *parts)


def windows(series, window, horizon=1):
    """Each window of a series and the value `horizon` after its end: (n, window, 1), (n, 1).

    >>> windows(np.arange(100.0), window=10)[0].shape
    (90, 10, 1)
    """
    inputs = np.lib.stride_tricks.sliding_window_view(series, window)[: -horizon or None]
    return inputs[..., np.newaxis].copy(), series[window + horizon - 1 :, np.newaxis]


def adding(seed, count=20_000, steps=50):
    """Adding: numbers in [0, 1), two of them marked; the target is the sum of the marked ones.

    To predict 1 always has a squared error of 1/6 = 0.167 (Hochreiter, Schmidhuber, 1997).

    count: Number of sequences; a tenth validates, a tenth tests.
    steps: Length; one mark is in each half.
    """
    splitting.check_integer("count", count, 10)
    splitting.check_integer("steps", steps, 2)
    rng = np.random.default_rng(seed)
    values = rng.random((count, steps), dtype="float32")
    marks = np.zeros_like(values)
    half = steps // 2
    for low, high in ((0, half), (half, steps)):
        marks[np.arange(count), rng.integers(low, high, count)] = 1
    sums = (values * marks).sum(axis=1, keepdims=True)
    return Source("regression", *splitting.in_sequence((np.stack([values, marks], -1), sums)))


def copy(seed, count=20_000, delay=30, length=5, symbols=8):
    """Copy: symbols, a long silence, a signal; then the symbols must be said again.

    To say blanks and then guess has a cross-entropy of length log(symbols) / (delay + 2 length).

    count: Number of sequences; a tenth validates, a tenth tests.
    delay: Steps from the last symbol to the first that is said again; the last one is the signal.
    length: Symbols to remember.
    symbols: Number of different symbols.
    """
    sizes = {"count": (count, 10), "delay": (delay, 1), "length": (length, 1)}
    for name, (value, smallest) in {**sizes, "symbols": (symbols, 2)}.items():
        splitting.check_integer(name, value, smallest)
    rng = np.random.default_rng(seed)
    said = rng.integers(2, 2 + symbols, (count, length), dtype="int32")
    inputs = np.zeros((count, delay + 2 * length), "int32")
    targets = np.zeros_like(inputs)
    inputs[:, :length] = said
    inputs[:, length + delay - 1] = 1
    targets[:, -length:] = said
    vocabulary = ("blank", "signal", *(chr(ord("a") + i) for i in range(symbols)))
    parts = splitting.in_sequence((inputs, targets))
    return Source("sequence", *parts, vocabulary=vocabulary)
