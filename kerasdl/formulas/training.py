"""Training strategies: what a step sees, and how large it may be."""

import math

import numpy as np


def scheduled_sampling(i, k=10.0):
    """How often a decoder still gets the true last token, not its own guess; 1: teacher forcing.

        eps_i = k / (k + e^(i / k))        inverse sigmoid

    One of the notes says that teacher forcing trains in parallel. A transformer does; a recurrent
    network still goes step by step.

    Spec: TRN-02, E-84

    >>> scheduled_sampling(np.array([0, 10, 50])).round(4).tolist()
    [0.9091, 0.7863, 0.0631]
    """
    return k / (k + np.exp(np.asarray(i) / k))


def scheduled_sampling_linear(i, slope=0.01, lowest=0.0):
    """The same along a line.

        eps_i = max(eps_min, 1 - c i)

    Spec: TRN-02

    >>> scheduled_sampling_linear(np.array([0, 50, 200])).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.maximum(lowest, 1 - slope * np.asarray(i))


def scheduled_sampling_exponential(i, k=0.99):
    """The same, a share less each time.

        eps_i = k^i        k < 1

    Spec: TRN-02

    >>> scheduled_sampling_exponential(np.array([0, 1, 2]), 0.5).tolist()
    [1.0, 0.5, 0.25]
    """
    return k ** np.asarray(i)


def curriculum(difficulty, stage, stages):
    """The examples of a stage, easy ones first: the easiest at first, all of them in the last.

        order = argsort(difficulty)[: ceil(N s / S)]        s = 1, ..., S

    Spec: TRN-03, TRN-04

    >>> curriculum(np.array([0.9, 0.1, 0.5]), stage=2, stages=3).tolist()
    [1, 2]
    """
    return np.argsort(difficulty, kind="stable")[: math.ceil(len(difficulty) * stage / stages)]


def accumulate(gradients):
    """What is applied once after several small batches of one size: the step of the large one.

        g = (1 / k) sum_i g_i

    BatchNorm still sees the small ones.

    Spec: OPT-16, TRN-12, RNN-11, RNN-37

    >>> accumulate(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [2.0, 3.0]
    """
    return np.mean(gradients, axis=0)


def linear_scaling(learning_rate, batch_size, base=256):
    """The rate for another batch size: k batches at once should move as far as one after another.

        eta_B = eta B / B_base

    It holds while gradients hardly change over k steps, which at first they do: warm up.

    Spec: TRN-17

    >>> linear_scaling(0.1, batch_size=1024)
    0.4
    """
    return learning_rate * batch_size / base
