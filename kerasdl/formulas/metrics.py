"""Metrics: how good a result is, as one number."""

import collections
import functools
import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def top_k_accuracy(scores: float | np.ndarray, labels: np.ndarray, k: int = 1) -> np.floating:
    """Fraction of examples whose class is among the k highest scores.

        mean_i [ y_i in top_k(s_i) ]

    Accuracies on ImageNet are those on the 1,000 classes of the ILSVRC challenge, which has 1.28
    million training images; all of ImageNet has about 14 million in some 21,800 classes. The first
    GoogLeNet reaches about 69.8 % top-1 (74.8 % is its successor with batch normalization). LeNet's
    often quoted 1 % is an error, and on MNIST.

    Args:
        scores: array (examples, classes).
        labels: int array (examples,).
        k: int, number of guesses.

    >>> scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
    >>> [float(top_k_accuracy(scores, [1, 2], k)) for k in (1, 2)]
    [0.5, 1.0]
    """
    best = np.argsort(-scores, axis=-1, kind="stable")[:, :k]
    return np.mean(np.any(best == np.asarray(labels)[:, None], axis=-1))


def f1(precision: float | np.ndarray, recall: float | np.ndarray) -> np.ndarray:
    """F1 score, also called Dice: the harmonic mean of precision and recall.

        F1 = 2 P R / (P + R) = 2 TP / (2 TP + FP + FN)

    Args:
        precision: array or float.
        recall: array or float.

    >>> round(float(f1(0.5, 1.0)), 4)  # the geometric mean would be 0.7071
    0.6667
    """
    return 2 * precision * recall / np.maximum(precision + recall, 1e-37)  # 0 if both are 0


def root_mean_squared_error(y: float | np.ndarray, prediction: float | np.ndarray) -> np.floating:
    """Root mean squared error, in the unit of the target.

        sqrt( mean (y - y^)^2 )

    Args:
        y: array, targets.
        prediction: array like y.

    >>> float(root_mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0])).round(4))
    1.4142
    """
    return np.sqrt(np.mean((y - prediction) ** 2))


def frechet_distance(
    mean: float | np.ndarray,
    covariance: float | np.ndarray,
    other_mean: float | np.ndarray,
    other_covariance: float | np.ndarray,
) -> np.floating:
    """Frechet distance of two normal distributions; with Inception features it is the FID.

        d^2 = |mu - mu'|^2 + Tr(S + S' - 2 (S S')^(1/2))

    Args:
        mean: array (d,), mu.
        covariance: array (d, d), S.
        other_mean: array (d,), mu'.
        other_covariance: array (d, d), S'.

    >>> one = np.eye(1)
    >>> float(frechet_distance(np.zeros(1), one, np.zeros(1), 4 * one))
    1.0

    Reference: Heusel et al., 2017.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    products = np.linalg.eigvalsh(root @ other_covariance @ root)  # eigenvalues of S S'
    between = np.sum((mean - other_mean) ** 2)
    return (
        between
        + np.trace(covariance + other_covariance)
        - 2 * np.sum(np.sqrt(np.maximum(products, 0)))
    )


def kernel_distance(x: ArrayLike, y: ArrayLike) -> np.floating:
    """Squared maximum mean discrepancy with a cubic kernel; with Inception features it is the KID.

        k(x, y) = (x.y / d + 1)^3
        mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    Args:
        x: array (n, d).
        y: array (m, d).

    >>> float(kernel_distance(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])))
    297.5

    Reference: Binkowski et al., 2018.
    """

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def among(a):
        return (np.sum(kernel(a, a)) - np.trace(kernel(a, a))) / (len(a) * (len(a) - 1))

    return among(x) + among(y) - 2 * np.mean(kernel(x, y))


def inception_score(p: np.ndarray) -> np.floating:
    """Inception score: each image one clear class, all images many classes.

        exp mean_x sum_y p(y|x) log( p(y|x) / p(y) )

    It lies between 1 and the number of classes.

    Args:
        p: array (images, classes), predicted probabilities.

    >>> float(inception_score(np.eye(4))), float(inception_score(np.full((9, 4), 0.25)))
    (4.0, 1.0)

    Reference: Salimans et al., 2016.
    """
    ratio = np.log(np.maximum(p, 1e-300)) - np.log(np.maximum(p.mean(axis=0), 1e-300))
    return np.exp(np.mean(np.sum(p * ratio, axis=1)))


def psnr(image: float | np.ndarray, other: float | np.ndarray, peak: float = 1.0) -> np.floating:
    """Peak signal-to-noise ratio in decibels.

        10 log10( peak^2 / mean (a - b)^2 )

    Args:
        image: array.
        other: array like image.
        peak: float, largest possible value.

    >>> round(float(psnr(np.zeros(9), np.full(9, 0.1))), 4)
    20.0
    """
    return 10 * np.log10(peak**2 / np.mean((image - other) ** 2))


def ssim(image: np.ndarray, other: np.ndarray, peak: float = 1.0) -> np.floating:
    """Structural similarity of two windows, from means, variances and covariance.

        (2 m m' + c) (2 s_ab + c') / ((m^2 + m'^2 + c) (s^2 + s'^2 + c'))
        c = (0.01 peak)^2        c' = (0.03 peak)^2

    For whole images it is averaged over moving windows, usually weighted by a Gaussian.

    Args:
        image: array, first window.
        other: array like image, second window.
        peak: float, largest possible value.

    >>> float(ssim(np.arange(9.0), np.arange(9.0)))
    1.0

    Reference: Wang et al., 2004.
    """
    c, d = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean, other_mean = image.mean(), other.mean()
    covariance = np.mean((image - mean) * (other - other_mean))
    above = (2 * mean * other_mean + c) * (2 * covariance + d)
    return above / ((mean**2 + other_mean**2 + c) * (image.var() + other.var() + d))


def bleu(references: Sequence, said: Sequence, order: int = 4) -> float:
    """BLEU: fractions of matching phrases of 1 to N tokens, with a penalty for brevity.

        BLEU = min(1, e^(1 - r / c)) (p_1 p_2 ... p_N)^(1/N)

    A phrase counts at most as often as in the reference that has it most often; r is the length of
    the reference nearest in length. A copy of a reference scores 1.

    Args:
        references: list, for each sentence a list of lists of tokens.
        said: list, for each sentence a list of tokens.
        order: int, longest phrase N.

    >>> round(bleu([["a b c d".split()]], ["a b c e".split()], order=2), 4)
    0.7071

    Reference: Papineni et al., 2002.
    """

    def phrases(tokens, n):
        return collections.Counter(zip(*(tokens[i:] for i in range(n)), strict=False))

    def precision(n):
        spoken = [phrases(one, n) for one in said]
        known = [functools.reduce(operator.or_, (phrases(r, n) for r in rs)) for rs in references]
        matches = sum((ours & most).total() for ours, most in zip(spoken, known, strict=True))
        return matches / max(sum(ours.total() for ours in spoken), 1)

    pairs = [(len(one), map(len, rs)) for one, rs in zip(said, references, strict=True)]
    r = sum(min((abs(length - c), length) for length in lengths)[1] for c, lengths in pairs)
    brevity = min(1.0, math.exp(1 - r / sum(map(len, said))))
    return brevity * math.prod(map(precision, range(1, order + 1))) ** (1 / order)


def area_under_roc(normal: ArrayLike, odd: ArrayLike) -> np.floating:
    """Area under the ROC curve: how well scores separate anomalies, without a threshold.

        AUC = P(s_odd > s_normal) + P(s_odd = s_normal) / 2

    Args:
        normal: array, scores of normal examples.
        odd: array, scores of anomalies.

    >>> area_under_roc(normal=np.array([0.1, 0.2, 0.4]), odd=np.array([0.3, 0.5])).round(4).item()
    0.8333
    """
    gaps = np.asarray(odd)[:, None] - normal
    return np.mean((gaps > 0) + 0.5 * (gaps == 0))


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> np.floating:
    """Expected calibration error: mean gap between confidence and accuracy, in bins of confidence.

        ECE = sum_b n_b / n |accuracy_b - confidence_b|

    One confident mistake, even at 99.3 %, says nothing about calibration; this does.

    Args:
        confidence: array, predicted probability of the chosen class.
        right: bool array, whether the choice was correct.
        bins: int, number of bins.

    >>> round(float(calibration_error(np.array([0.9, 0.9]), np.array([True, False]))), 4)
    0.4

    Reference: Guo et al., 2017.
    """
    which = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(int)
    gaps = np.bincount(which, np.asarray(right) - confidence, bins)
    return np.sum(np.abs(gaps)) / len(confidence)
