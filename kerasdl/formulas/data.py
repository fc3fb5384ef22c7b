"""Data preparation: scaling, batching, splitting, windows and spectrograms."""

import numpy as np
from numpy.typing import ArrayLike

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225])


def normalize(
    x: np.ndarray, mean: float | np.ndarray = 0.5, deviation: float | np.ndarray = 0.5
) -> np.ndarray:
    """Subtract a mean and divide by a deviation.

        z = (x - mu) / sigma

    The defaults map [0, 1] to [-1, 1], the range of tanh. With the mean and deviation of the data
    it is standardization: mean 0 and deviation 1, but without bounds.

    Args:
        x: array.
        mean: array or float, mu.
        deviation: array or float, sigma.

    >>> normalize(np.array([0.0, 0.5, 1.0])).tolist()
    [-1.0, 0.0, 1.0]
    >>> normalize(np.ones(3), IMAGENET_MEAN, IMAGENET_DEVIATION).round(4).tolist()
    [2.2489, 2.4286, 2.64]
    """
    return (x - mean) / deviation


def batch_sizes(examples: int, batch_size: int) -> list[int]:
    """Sizes of the batches of an epoch: full batches, then the rest.

        B, B, ..., N mod B

    Args:
        examples: int, number N of examples.
        batch_size: int, size B of a batch.

    >>> batch_sizes(100, 32)
    [32, 32, 32, 4]
    """
    full, left = divmod(examples, batch_size)
    return [batch_size] * full + ([left] if left else [])


def hold_out(x: np.ndarray, fraction: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Split off the end of the data for validation, as Keras's `validation_split` does.

        x[:k], x[k:]        k = floor(N (1 - v))

    Keras shuffles only after the split, so examples that are sorted by class must be shuffled
    before.

    Args:
        x: array (examples, ...).
        fraction: float, fraction v of examples to hold out.

    >>> [part.tolist() for part in hold_out(np.arange(5))]
    [[0, 1, 2, 3], [4]]
    """
    kept = int(len(x) * (1 - fraction))
    return x[:kept], x[kept:]


def windows(series: np.ndarray, length: int, horizon: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a series and the value to predict from each.

        x_i = (s_i, ..., s_{i+L-1})    y_i = s_{i+L+h-1}        N - L - h + 1 of them

    Args:
        series: array (time,).
        length: int, length L of a window.
        horizon: int, how many steps h ahead to predict.

    >>> [part.tolist() for part in windows(np.arange(5), length=3)]
    [[[0, 1, 2], [1, 2, 3]], [3, 4]]
    """
    inputs = np.lib.stride_tricks.sliding_window_view(series, length)
    return inputs[: len(series) - length - horizon + 1], series[length + horizon - 1 :]


def moving_average(series: ArrayLike, length: int) -> np.ndarray:
    """Moving average of a series.

        m_i = (1 / L) sum_{k<L} s_{i+k}

    Args:
        series: array (time,).
        length: int, number L of averaged values.

    >>> moving_average(np.array([1.0, 2.0, 6.0]), 2).tolist()
    [1.5, 4.0]
    """
    return np.lib.stride_tricks.sliding_window_view(series, length).mean(axis=-1)


def spectrogram(signal: ArrayLike, frame: int = 256, step: int = 128) -> np.ndarray:
    """Magnitude spectrogram: a sound as an image of time and frequency.

        |X[t, k]| = | sum_n w_n x[t s + n] e^(-2 pi i k n / N) |        frequency k rate / N

    w is the Hann window, which fades frames in and out.

    Args:
        signal: array (time,).
        frame: int, length N of a frame.
        step: int, distance s of two frames.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)  # 440 Hz at 8000 a second
    >>> image = spectrogram(tone)
    >>> image.shape, int(image.mean(axis=0).argmax()), round(440 * 256 / 8000)
    ((61, 129), 14, 14)
    """
    frames = np.lib.stride_tricks.sliding_window_view(signal, frame)[::step]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    return np.abs(np.fft.rfft(frames * hann))
