"""Metrics: what is said of a result, as one number."""

import collections
import functools
import math
import operator

import numpy as np


def top_k_accuracy(scores, labels, k=1):
    """The share of examples whose class is among the k with the highest scores.

        mean_i [ y_i in top_k(s_i) ]

    Accuracies on ImageNet are those on the 1,000 classes of the ILSVRC challenge, which has 1.28
    million training images; all of ImageNet has about 14 million in some 21,800 classes. The first
    GoogLeNet reaches about 69.8 % top-1 (74.8 % is its successor with batch normalization). LeNet's
    often quoted 1 % is an error, and on MNIST.

    Spec: MET-01, E-26, E-64

    >>> scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
    >>> [float(top_k_accuracy(scores, [1, 2], k)) for k in (1, 2)]
    [0.5, 1.0]
    """
    best = np.argsort(-scores, axis=-1, kind="stable")[:, :k]
    return np.mean(np.any(best == np.asarray(labels)[:, None], axis=-1))


def f1(precision, recall):
    """The harmonic mean of precision and recall, also called Dice; the notes say geometric.

        F1 = 2 P R / (P + R) = 2 TP / (2 TP + FP + FN)

    Spec: MET-02, E-04

    >>> round(float(f1(0.5, 1.0)), 4)  # the geometric mean were 0.7071
    0.6667
    """
    return 2 * precision * recall / np.maximum(precision + recall, 1e-37)  # 0 for nothing right


def root_mean_squared_error(y, prediction):
    """How far off a prediction is, in the target's own unit.

        sqrt( mean (y - y^)^2 )

    Spec: MET-15

    >>> float(root_mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0])).round(4))
    1.4142
    """
    return np.sqrt(np.mean((y - prediction) ** 2))


def frechet_distance(mean, covariance, other_mean, other_covariance):
    """The distance of two normal distributions; of Inception's features it is the FID.

        d^2 = |mu - mu'|^2 + Tr(S + S' - 2 (S S')^(1/2))

    Spec: MET-04

    >>> one = np.eye(1)
    >>> float(frechet_distance(np.zeros(1), one, np.zeros(1), 4 * one))
    1.0
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    products = np.linalg.eigvalsh(root @ other_covariance @ root)  # those of S S'
    between = np.sum((mean - other_mean) ** 2)
    return (
        between
        + np.trace(covariance + other_covariance)
        - 2 * np.sum(np.sqrt(np.maximum(products, 0)))
    )


def kernel_distance(x, y):
    """Squared maximum mean discrepancy with a cubic kernel; of Inception's features the KID.

        k(x, y) = (x.y / d + 1)^3
        mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    Spec: MET-17

    >>> float(kernel_distance(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])))
    297.5
    """

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def among(a):
        return (np.sum(kernel(a, a)) - np.trace(kernel(a, a))) / (len(a) * (len(a) - 1))

    return among(x) + among(y) - 2 * np.mean(kernel(x, y))


def inception_score(p):
    """Each image one thing, all together many: from 1 to the number of classes.

        exp mean_x sum_y p(y|x) log( p(y|x) / p(y) )

    Spec: MET-05

    >>> float(inception_score(np.eye(4))), float(inception_score(np.full((9, 4), 0.25)))
    (4.0, 1.0)
    """
    ratio = np.log(np.maximum(p, 1e-300)) - np.log(np.maximum(p.mean(axis=0), 1e-300))
    return np.exp(np.mean(np.sum(p * ratio, axis=1)))


def psnr(image, other, peak=1.0):
    """The ratio of the largest value to the error, in decibels.

        10 log10( peak^2 / mean (a - b)^2 )

    Spec: MET-07

    >>> round(float(psnr(np.zeros(9), np.full(9, 0.1))), 4)
    20.0
    """
    return 10 * np.log10(peak**2 / np.mean((image - other) ** 2))


def ssim(image, other, peak=1.0):
    """Structural similarity of two windows: their means, variances and covariance.

        (2 m m' + c) (2 s_ab + c') / ((m^2 + m'^2 + c) (s^2 + s'^2 + c'))
        c = (0.01 peak)^2        c' = (0.03 peak)^2

    Of images it is the mean over moving windows; the usual window weights by a Gaussian.

    Spec: MET-07

    >>> float(ssim(np.arange(9.0), np.arange(9.0)))
    1.0
    """
    c, d = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean, other_mean = image.mean(), other.mean()
    covariance = np.mean((image - mean) * (other - other_mean))
    above = (2 * mean * other_mean + c) * (2 * covariance + d)
    return above / ((mean**2 + other_mean**2 + c) * (image.var() + other.var() + d))


def bleu(references, said, order=4):
    """The shares of phrases of 1 to N tokens that a reference has, and a penalty for brevity.

        BLEU = min(1, e^(1 - r / c)) (p_1 p_2 ... p_N)^(1/N)

    A phrase counts at most as often as the reference has it that has it most often; r is the length
    of the reference nearest in length. What repeats a reference has 1.

    Args:
        references: For each sentence a list of lists of tokens.
        said: For each sentence a list of tokens.

    Spec: MET-12

    >>> round(bleu([["a b c d".split()]], ["a b c e".split()], order=2), 4)
    0.7071
    """

    def phrases(tokens, n):
        return collections.Counter(zip(*(tokens[i:] for i in range(n)), strict=False))

    def share(n):
        spoken = [phrases(one, n) for one in said]
        known = [functools.reduce(operator.or_, (phrases(r, n) for r in rs)) for rs in references]
        matches = sum((ours & most).total() for ours, most in zip(spoken, known, strict=True))
        return matches / max(sum(ours.total() for ours in spoken), 1)

    pairs = [(len(one), map(len, rs)) for one, rs in zip(said, references, strict=True)]
    r = sum(min((abs(length - c), length) for length in lengths)[1] for c, lengths in pairs)
    brevity = min(1.0, math.exp(1 - r / sum(map(len, said))))
    return brevity * math.prod(map(share, range(1, order + 1))) ** (1 / order)


def area_under_roc(normal, odd):
    """How well scores, such as errors of an autoencoder, tell what is odd, at no threshold.

        AUC = P(s_odd > s_normal) + P(s_odd = s_normal) / 2

    Spec: MET-08

    >>> area_under_roc(normal=np.array([0.1, 0.2, 0.4]), odd=np.array([0.3, 0.5])).round(4).item()
    0.8333
    """
    gaps = np.asarray(odd)[:, None] - normal
    return np.mean((gaps > 0) + 0.5 * (gaps == 0))


def calibration_error(confidence, right, bins=15):
    """How far confidence is from accuracy, on average over bins of confidence.

        ECE = sum_b n_b / n |accuracy_b - confidence_b|

    The notes show a network that is wrong and 99.3 % sure; that alone says nothing of the others.

    Spec: MET-18

    >>> round(float(calibration_error(np.array([0.9, 0.9]), np.array([True, False]))), 4)
    0.4
    """
    which = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(int)
    gaps = np.bincount(which, np.asarray(right) - confidence, bins)
    return np.sum(np.abs(gaps)) / len(confidence)
