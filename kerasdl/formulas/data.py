"""Data: what is done to numbers before a network sees them."""

import numpy as np

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225])


def normalize(x, mean=0.5, deviation=0.5):
    """Move and stretch. With the defaults [0, 1] becomes [-1, 1], which a tanh can make.

        z = (x - mu) / sigma

    With the data's own mean and deviation it is standardisation: mean 0 and deviation 1, but no
    bounds; the notes give it the bounds -1 and 1 of the other.

    Spec: DAT-05, DAT-06, DAT-07, E-28

    >>> normalize(np.array([0.0, 0.5, 1.0])).tolist()
    [-1.0, 0.0, 1.0]
    >>> normalize(np.ones(3), IMAGENET_MEAN, IMAGENET_DEVIATION).round(4).tolist()
    [2.2489, 2.4286, 2.64]
    """
    return (x - mean) / deviation


def batch_sizes(examples, batch_size):
    """How a set falls into batches: full ones, and what is left.

        B, B, ..., N mod B

    Spec: DAT-01

    >>> batch_sizes(100, 32)
    [32, 32, 32, 4]
    """
    full, left = divmod(examples, batch_size)
    return [batch_size] * full + ([left] if left else [])


def hold_out(x, share=0.2):
    """Cut a share off the end for validation, as Keras's `validation_split` does, which shuffles
    only then: examples that are sorted by class must be shuffled before.

        x[:k], x[k:]        k = floor(N (1 - v))

    Spec: DAT-24

    >>> [part.tolist() for part in hold_out(np.arange(5))]
    [[0, 1, 2, 3], [4]]
    """
    kept = int(len(x) * (1 - share))
    return x[:kept], x[kept:]


def windows(series, length, horizon=1):
    """A series as examples: some values, and the one to be told from them.

        x_i = (s_i, ..., s_{i+L-1})    y_i = s_{i+L+h-1}        N - L - h + 1 of them

    Spec: DAT-23

    >>> [part.tolist() for part in windows(np.arange(5), length=3)]
    [[[0, 1, 2], [1, 2, 3]], [3, 4]]
    """
    inputs = np.lib.stride_tricks.sliding_window_view(series, length)
    return inputs[: len(series) - length - horizon + 1], series[length + horizon - 1 :]


def moving_average(series, length):
    """A smoother series: each value the mean of some neighbours.

        m_i = (1 / L) sum_{k<L} s_{i+k}

    Spec: DAT-23

    >>> moving_average(np.array([1.0, 2.0, 6.0]), 2).tolist()
    [1.5, 4.0]
    """
    return np.lib.stride_tricks.sliding_window_view(series, length).mean(axis=-1)


def spectrogram(signal, frame=256, step=128):
    """A sound as an image, of time and frequency, for a CNN to look at.

        |X[t, k]| = | sum_n w_n x[t s + n] e^(-2 pi i k n / N) |        f = k rate / N

    w is Hann's window, which lets no frame begin or end with a jump.

    Spec: DAT-26

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)  # 440 Hz at 8000 a second
    >>> image = spectrogram(tone)
    >>> image.shape, int(image.mean(axis=0).argmax()), round(440 * 256 / 8000)
    ((61, 129), 14, 14)
    """
    frames = np.lib.stride_tricks.sliding_window_view(signal, frame)[::step]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    return np.abs(np.fft.rfft(frames * hann))
