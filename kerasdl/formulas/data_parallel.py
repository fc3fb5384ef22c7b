"""Data-parallel training: what several workers compute together, and how long it takes."""

import statistics
from collections.abc import Sequence

import numpy as np


def mean_of_parts(means: float | np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """Mean over a batch from the means over its parts, weighted by their sizes.

        g = sum_k (B_k / B) g_k

    Args:
        means: array (parts, ...), means g_k of the parts.
        rows: sequence of int, sizes B_k of the parts.

    >>> float(mean_of_parts([1.0, 4.0], rows=[2, 1]))
    2.0
    """
    return np.tensordot(np.asarray(rows) / np.sum(rows), means, axes=1)


def ring_all_reduce(vectors: np.ndarray) -> tuple[np.ndarray, int]:
    """Ring all-reduce: every worker gets the sum; also returns how many numbers each worker sends.

        x_{k+1}[k - r] <- x_{k+1}[k - r] + x_k[k - r]        r = 0, ..., n - 2, all k at once

    In n - 1 rounds worker k adds piece k - r to its neighbor's, until each holds one complete
    piece; in n - 1 more rounds the complete pieces go around.

    Args:
        vectors: array (workers, numbers).

    >>> ring_all_reduce(np.array([[1.0, 2.0], [30.0, 40.0]]))
    (array([[31., 42.],
           [31., 42.]]), 2)

    Reference: Patarasuk and Yuan, 2009.
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


def ring_bytes(workers: int, size: float) -> float | np.ndarray:
    """Bytes that each worker sends in a ring all-reduce: less than twice the size.

        2 (n - 1) / n S

    Args:
        workers: int, number n of workers.
        size: float, bytes S to sum.

    >>> ring_bytes(np.array([1, 2, 1024]), 1000.0).round().tolist()
    [0.0, 1000.0, 1998.0]
    """
    return 2 * (workers - 1) / workers * size


def ring_seconds(workers: int, size: float, bandwidth: float, latency: float) -> float | np.ndarray:
    """Time of a ring all-reduce: 2 (n - 1) consecutive messages of one piece each.

        2 (n - 1) (alpha + S / (n beta))

    Args:
        workers: int, number n of workers.
        size: float, bytes S to sum.
        bandwidth: float, beta in bytes per second.
        latency: float, alpha in seconds per message.

    >>> float(ring_seconds(2, 1e9, bandwidth=1e9, latency=0.0))
    1.0
    """
    return 2 * (workers - 1) * latency + ring_bytes(workers, size) / bandwidth


def slowest(workers: int, mean: float, deviation: float) -> float:
    """Expected time of the slowest of n workers, for whom all others wait (an approximation).

        mu + sigma Phi^-1((n - 0.375) / (n + 0.25))

    Args:
        workers: int, number n of workers.
        mean: float, mean time mu of a worker.
        deviation: float, standard deviation sigma.

    >>> [round(slowest(n, 1.0, 0.1), 2) for n in (1, 10, 1000)]
    [1.0, 1.15, 1.32]

    Reference: Blom, 1958.
    """
    return mean + deviation * statistics.NormalDist().inv_cdf((workers - 0.375) / (workers + 0.25))


def step_seconds(
    workers: int,
    compute: float,
    deviation: float,
    reductions: Sequence[float],
    bandwidth: float,
    latency: float,
) -> float | np.ndarray:
    """Time of a synchronous training step: the slowest worker, then every reduction.

        T_n = E max(t_1, ..., t_n) + sum_S 2 (n - 1) (alpha + S / (n beta))

    Args:
        workers: int, number n of workers, each with an equal part of the batch.
        compute: float, mean seconds of a worker's own part.
        deviation: float, standard deviation of those seconds.
        reductions: sequence of float, bytes S of each reduction of a step; none overlaps with
            computation.
        bandwidth: float, beta in bytes per second.
        latency: float, alpha in seconds per message.

    >>> round(step_seconds(2, 0.1, 0.0, [1e8], bandwidth=1e9, latency=1e-4), 4)
    0.2002
    """
    reduced = sum(ring_seconds(workers, size, bandwidth, latency) for size in reductions)
    return slowest(workers, compute, deviation) + reduced
