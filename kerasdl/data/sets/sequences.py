"""Time series and memory tasks for recurrent networks and transformers."""

import numpy as np

from kerasdl.data import splitting, text, timeline
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


def seasons(seed, count=10_080, horizon=24, window=168, noise=4.0) -> Source:
    """Seasons: a made hourly series, such as of visitors, with the 24 values after each window.

    It is the sum of a trend, a season of a day, which is flatter and lower on weekends, a level
    that wanders and returns in some days (an autoregressive process of order 1), and noise:

        x_t = 100 + 0.002 t + day(hour, weekday) + a_t + e_t        a_t = 0.99 a_{t-1} + b_t

    No forecast knows the noise. The first 70 % of the hours are for training, the next 10 % for
    validation, the last 20 % for testing; they begin on Monday, January 2, 2023. The columns of a
    file for `kerasdl predict` are `time` and `value`.

    count: int, number of hours.
    horizon: int, steps to forecast.
    window: int, hours that a forecast sees.
    noise: float, standard deviation of the noise; the level wanders with one of 5.
    """
    checks.integers(horizon=horizon, window=window)
    checks.integers(at_least=10 * (window + horizon), count=count)
    checks.numbers(at_least=0, at_most=1e6, noise=noise)
    checks.memory(4 * 10 * count * (window + horizon), count=count, window=window)
    rng = np.random.default_rng(seed)
    hours = np.arange(count)
    first, second = 2 * np.pi * (rng.random(2) + np.stack([hours, 2 * hours], -1) / 24).T
    weekend = hours // 24 % 7 >= 5
    day = np.where(weekend, 8, 20) * np.sin(first) + np.where(weekend, 2, 8) * np.sin(second)
    level, steps = np.zeros(count), 5 * np.sqrt(1 - 0.99**2) * rng.standard_normal(count)
    for hour in range(1, count):
        level[hour] = 0.99 * level[hour - 1] + steps[hour]
    values = 100 + 0.002 * hours + day - 15 * weekend + level + noise * rng.standard_normal(count)
    times = np.datetime64("2023-01-02", "s") + hours * np.timedelta64(timeline.HOUR, "s")
    settings = {"horizon": horizon, "window": window}
    return timeline.source("data `seasons`", times, values[:, None], ["value"], **settings)


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

    The last `length` steps have the symbols as tags, in order; the steps before them have none.
    Random symbols are right once in `symbols` times, with a cross-entropy of log(symbols) each.

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
    classes = tuple(chr(ord("a") + i) for i in range(symbols))
    # a blank is a word of its own: token 0 is padding, which networks skip
    vocabulary = ("", text.UNKNOWN, "blank", "signal", *classes)
    shown = rng.integers(0, symbols, (count, length), dtype="int32")
    inputs = np.full((count, time), vocabulary.index("blank"), "int32")
    targets = np.full_like(inputs, -1)
    inputs[:, :length] = shown + vocabulary.index("a")
    inputs[:, length + delay - 1] = vocabulary.index("signal")
    targets[:, -length:] = shown
    train, validation, test = splitting.in_sequence((inputs, targets))
    return Source("word_tags", train, validation, test, classes, vocabulary)
