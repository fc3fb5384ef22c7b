"""Knowledge distillation: train a small network on the outputs of a large one."""

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.activations import softmax
from kerasdl.formulas.losses import cross_entropy, kl_divergence


def soft_targets(z: ArrayLike, temperature: float = 4.0) -> np.ndarray:
    """Probabilities of the teacher at a raised temperature, which reveal its second choices.

        p = softmax(z / T)        its entropy grows with T

    Args:
        z: array (..., classes), logits.
        temperature: float, T; the entropy grows with it.

    >>> soft_targets(np.array([2.0, 1.0, 0.1])).round(6).tolist()
    [0.416548, 0.324408, 0.259045]

    Reference: Hinton et al., 2015.
    """
    return softmax(z, temperature)


def soft_loss(teacher: ArrayLike, student: ArrayLike, temperature: float = 4.0) -> np.floating:
    """KL divergence between softened teacher and student, times T^2.

        T^2 mean KL( softmax(t / T) || softmax(s / T) )

    Gradients of softened logits are 1 / T^2 as large; the factor compensates.

    Args:
        teacher: array (batch, classes), logits t.
        student: array (batch, classes), logits s.
        temperature: float, T.

    >>> round(float(soft_loss(np.array([[2.0, 1.0, 0.1]]), np.zeros((1, 3)))), 4)
    0.2994

    Reference: Hinton et al., 2015.
    """
    softened = soft_targets(teacher, temperature), soft_targets(student, temperature)
    return temperature**2 * np.mean(kl_divergence(*softened))


def distillation_loss(
    y: np.ndarray,
    teacher: float | np.ndarray,
    student: float | np.ndarray,
    temperature: float = 4.0,
    alpha: float = 0.7,
) -> np.floating:
    """Weighted sum of the soft loss and the cross-entropy with the true labels.

        L = a T^2 KL( softmax(t / T) || softmax(s / T) ) + (1 - a) CE(y, softmax(s))

    Args:
        y: int array (batch,), labels.
        teacher: array (batch, classes), logits t.
        student: array (batch, classes), logits s.
        temperature: float, T.
        alpha: float, weight a of the soft loss, in [0, 1].

    >>> z = np.array([[2.0, 1.0, 0.1]])
    >>> [round(float(distillation_loss(np.array([0]), z, student)), 4) for student in (z, 0 * z)]
    [0.1251, 0.5391]

    Reference: Hinton et al., 2015.
    """
    hard = cross_entropy(y, softmax(student))
    return alpha * soft_loss(teacher, student, temperature) + (1 - alpha) * hard
