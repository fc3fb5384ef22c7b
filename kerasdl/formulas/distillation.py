"""Distillation: a small network learns what a large one says of every class."""

import numpy as np

from kerasdl.formulas.activations import softmax
from kerasdl.formulas.losses import cross_entropy, kl_divergence


def soft_targets(z, temperature=4.0):
    """What a teacher says, made milder, so that one hears which wrong classes it thinks of.

        p = softmax(z / T)        its entropy grows with T

    Spec: CMP-02

    >>> soft_targets(np.array([2.0, 1.0, 0.1])).round(6).tolist()
    [0.416548, 0.324408, 0.259045]
    """
    return softmax(z, temperature)


def soft_loss(teacher, student, temperature=4.0):
    """How far the student is from that, as large at any temperature.

        T^2 mean KL( softmax(t / T) || softmax(s / T) )

    Slopes of softened logits are 1 / T^2 as large, which T^2 makes up for.

    Spec: CMP-01

    >>> round(float(soft_loss(np.array([[2.0, 1.0, 0.1]]), np.zeros((1, 3)))), 4)
    0.2994
    """
    softened = soft_targets(teacher, temperature), soft_targets(student, temperature)
    return temperature**2 * np.mean(kl_divergence(*softened))


def distillation_loss(y, teacher, student, temperature=4.0, alpha=0.7):
    """Both at once: the teacher's word, and the truth.

        L = a T^2 KL( softmax(t / T) || softmax(s / T) ) + (1 - a) CE(y, softmax(s))

    Spec: CMP-01, CMP-04

    >>> z = np.array([[2.0, 1.0, 0.1]])
    >>> [round(float(distillation_loss(np.array([0]), z, student)), 4) for student in (z, 0 * z)]
    [0.1251, 0.5391]
    """
    hard = cross_entropy(y, softmax(student))
    return alpha * soft_loss(teacher, student, temperature) + (1 - alpha) * hard
