"""Data-parallel training: what several workers compute together, and how long they take."""

import statistics

import numpy as np


def mean_of_parts(means, rows):
    """The mean over a batch from the means over its parts, which count by their size.

        g = sum_k (B_k / B) g_k

    Spec: TRN-16

    >>> float(mean_of_parts([1.0, 4.0], rows=[2, 1]))
    2.0
    """
    return np.tensordot(np.asarray(rows) / np.sum(rows), means, axes=1)


def ring_all_reduce(vectors):
    """Everyone's sum by passing pieces round a ring; the sums, and what each worker has sent.

        x_{k+1}[k - r] <- x_{k+1}[k - r] + x_k[k - r]        r = 0, ..., n - 2, all k at once

    In n - 1 rounds worker k adds piece k - r to its own and hands it on, until each holds one
    whole piece; in n - 1 more rounds the whole pieces go round.

    Spec: TRN-16

    >>> ring_all_reduce(np.array([[1.0, 2.0], [30.0, 40.0]]))
    (array([[31., 42.],
           [31., 42.]]), 2)
    """
    workers = len(vectors)
    pieces = [np.array_split(np.array(vector, float), workers) for vector in vectors]
    sent = 0
    for r in range(2 * workers - 2):
        moving = [pieces[k][(k - r) % workers].copy() for k in range(workers)]
        sent += moving[0].size
        for k in range(workers):
            piece = pieces[(k + 1) % workers][(k - r) % workers]
            piece[:] = piece + moving[k] if r < workers - 1 else moving[k]
    return np.array([np.concatenate(p) for p in pieces]), sent


def ring_bytes(workers, size):
    """What each worker sends to add up `size` bytes: less than twice them, however many workers.

        2 (n - 1) / n S

    Spec: TRN-16

    >>> ring_bytes(np.array([1, 2, 1024]), 1000.0).round().tolist()
    [0.0, 1000.0, 1998.0]
    """
    return 2 * (workers - 1) / workers * size


def ring_seconds(workers, size, bandwidth, latency):
    """2 (n - 1) messages after each other, each of a piece.

        2 (n - 1) (alpha + S / (n beta))

    Spec: TRN-16

    >>> float(ring_seconds(2, 1e9, bandwidth=1e9, latency=0.0))
    1.0
    """
    return 2 * (workers - 1) * latency + ring_bytes(workers, size) / bandwidth


def slowest(workers, mean, deviation):
    """How long the slowest of n workers takes, for whom all wait; about (Blom 1958).

        mu + sigma Phi^-1((n - 0.375) / (n + 0.25))

    Spec: TRN-16

    >>> [round(slowest(n, 1.0, 0.1), 2) for n in (1, 10, 1000)]
    [1.0, 1.15, 1.32]
    """
    return mean + deviation * statistics.NormalDist().inv_cdf((workers - 0.375) / (workers + 0.25))


def step_seconds(workers, compute, deviation, reductions, bandwidth, latency):
    """A synchronous step: the slowest worker's own part, then every reduction.

        T_n = E max(t_1, ..., t_n) + sum_S 2 (n - 1) (alpha + S / (n beta))

    Args:
        workers: Their number n, each with a part of the same size.
        compute, deviation: Seconds of a worker's own part, and how much they vary.
        reductions: The bytes S of each reduction of a step; gradients overlap with nothing.
        bandwidth, latency: beta in bytes a second, and alpha in seconds, of a message.

    Spec: TRN-16

    >>> round(step_seconds(2, 0.1, 0.0, [1e8], bandwidth=1e9, latency=1e-4), 4)
    0.2002
    """
    reduced = sum(ring_seconds(workers, size, bandwidth, latency) for size in reductions)
    return slowest(workers, compute, deviation) + reduced
