"""Activation functions: the nonlinearity that follows a weighted sum, and its slopes for learning.

Without one, a stack of layers collapses into a single layer: see `basics.collapse`.
"""

import numpy as np
from numpy.typing import ArrayLike


def step(z: ArrayLike) -> np.ndarray:
    """Heaviside step of the perceptron: 1 for z >= 0, else 0.

        f(z) = 1 if z >= 0 else 0

    Its slope is 0 wherever it has one, so no gradient passes through it.

    Args:
        z: array, weighted sums.

    >>> step(np.array([-0.1, 0.0, 3.0]))
    array([0, 1, 1])

    Reference: Rosenblatt, 1958.
    """
    return (np.asarray(z) >= 0).astype(int)


def sigmoid(z: ArrayLike) -> np.ndarray:
    """Logistic sigmoid: a smooth step from 0 to 1 that reaches neither.

        sigma(z) = 1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2        the second form cannot overflow

    It is rarely used in hidden layers today, but gates, binary outputs and pixels need it. (Rounded
    to floats, large |z| give exactly 0 and 1.)

    Args:
        z: array, weighted sums.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z)))


def sigmoid_slope(z: ArrayLike) -> np.ndarray:
    """Derivative of the sigmoid: at most 1/4, and almost 0 far from 0.

        sigma'(z) = sigma(z) (1 - sigma(z))

    This is why inputs are scaled, and why deep networks stopped using sigmoids in hidden layers.

    Args:
        z: array, weighted sums.

    >>> sigmoid_slope(np.array([0.0, 6.0])).round(6).tolist()
    [0.25, 0.002467]
    """
    return sigmoid(z) * (1 - sigmoid(z))


def tanh(z: ArrayLike) -> np.ndarray:
    """Hyperbolic tangent: a sigmoid scaled to (-1, 1) and centered on 0.

        tanh(z) = (e^z - e^-z) / (e^z + e^-z) = 2 sigma(2 z) - 1

    Recurrent networks pass their state through it.

    Args:
        z: array, weighted sums.

    >>> round(float(tanh(1.0)), 6)
    0.761594
    """
    return 2 * sigmoid(2 * np.asarray(z)) - 1


def tanh_slope(z: ArrayLike) -> np.ndarray:
    """Derivative of tanh: 1 at 0 and smaller everywhere else.

        tanh'(z) = 1 - tanh(z)^2

    Slopes below 1 alone do not make gradients vanish, because the weights multiply too: with
    Xavier's initialization, ten tanh layers keep most of the gradient.

    Args:
        z: array, weighted sums.

    >>> round(float(tanh_slope(1.0)), 6)
    0.419974
    """
    return 1 - tanh(z) ** 2


def relu(z: ArrayLike) -> np.ndarray:
    """Rectified linear unit: pass positive values, replace negative ones by 0.

        f(z) = max(0, z)

    Args:
        z: array, weighted sums.

    >>> relu(np.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]

    Reference: Nair and Hinton, 2010.
    """
    return np.maximum(0, z)


def relu_slope(z: ArrayLike) -> np.ndarray:
    """Derivative of ReLU: 1 for positive inputs, else 0; the value 0 at z = 0 is a convention.

        f'(z) = 1 if z > 0 else 0

    ReLU saturates on its negative side: a unit that is negative for every example has no gradient,
    stops learning and is called dead.

    Args:
        z: array, weighted sums.

    >>> relu_slope(np.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return (np.asarray(z) > 0).astype(float)


def leaky_relu(z: ArrayLike, slope: float = 0.01) -> np.ndarray:
    """Leaky ReLU: scale negative values by a small slope, so that no unit dies.

        f(z) = z if z > 0 else a z        = max(a z, z), but only for a <= 1

    Common slopes are 0.01, and 0.2 in GANs; Keras's layer uses 0.3 by default. The form max(a z, z)
    holds only for a <= 1. If the slope is learned, this is the parametric ReLU.

    Args:
        z: array, weighted sums.
        slope: float, factor a of negative values.

    >>> leaky_relu(np.array([-1.0, 2.0])).tolist()
    [-0.01, 2.0]

    Reference: Maas et al., 2013.
    """
    return np.where(np.asarray(z) > 0, z, slope * np.asarray(z))


def parametric_relu_gradient(z: ArrayLike, upstream: np.ndarray) -> np.floating:
    """Gradient of the loss with respect to the slope of a parametric ReLU.

        dL/da = sum( dL/df min(0, z) )

    Only negative inputs contribute.

    Args:
        z: array, weighted sums.
        upstream: array like z, gradient of the loss with respect to the outputs.

    >>> float(parametric_relu_gradient(np.array([-2.0, 3.0]), np.ones(2)))
    -2.0

    Reference: He et al., 2015.
    """
    return np.sum(upstream * np.minimum(0, z))


def swish(z: float | np.ndarray, beta: float = 1.0) -> np.ndarray:
    """Swish, also called SiLU: a ReLU with a smooth knee.

        f(z) = z sigma(beta z)

    It moves from z / 2 to ReLU as beta grows.

    Args:
        z: array, weighted sums.
        beta: float, sharpness of the knee; 1 gives SiLU.

    >>> swish(np.array([-1.0, 1.0])).round(6).tolist()
    [-0.268941, 0.731059]

    Reference: Ramachandran et al., 2017.
    """
    return z * sigmoid(beta * np.asarray(z))


def elu(z: ArrayLike, alpha: float = 1.0) -> np.ndarray:
    """Exponential linear unit: negative values saturate at -alpha.

        f(z) = z if z > 0 else alpha (e^z - 1)

    Negative outputs bring the mean of a layer closer to 0 than ReLU's.

    Args:
        z: array, weighted sums.
        alpha: float, limit of the negative side.

    >>> round(float(elu(-1.0)), 6)
    -0.632121

    Reference: Clevert et al., 2016.
    """
    return np.where(np.asarray(z) > 0, z, alpha * np.expm1(np.minimum(0, z)))


def selu(z: ArrayLike) -> np.ndarray:
    """Scaled ELU: keeps mean 0 and variance 1 from layer to layer.

        f(z) = lambda elu(z, alpha)        lambda = 1.0507, alpha = 1.6733

    This holds for weights of variance 1 / n_in (`lecun_normal`) in a plain stack of dense layers.

    Args:
        z: array, weighted sums.

    >>> round(float(selu(-1.0)), 6)
    -1.111331

    Reference: Klambauer et al., 2017.
    """
    return 1.0507009873554805 * elu(z, 1.6732632423543772)


def softmax(z: ArrayLike, temperature: float = 1.0) -> np.ndarray:
    """Turn logits of any sign into probabilities: positive, and each row sums to 1.

        p_i = e^(z_i / T) / sum_j e^(z_j / T)

    The inputs are the logits; e is raised to the power of each. Exponentials make it work for any
    sign: 1, 2, -3 sum to 0, so dividing by their sum would fail. Subtracting the largest value
    first changes nothing but prevents overflow. The sum runs over the last axis, so each row of a
    batch is normalized by itself.

    Args:
        z: array (..., classes), logits.
        temperature: float, divides the logits: near 0 the largest takes all, large values make all
            classes alike. (Attention does not use it; it has its own divisor, sqrt(d).)

    >>> softmax(np.array([2.0, 1.0, 0.1])).round(3).tolist()
    [0.659, 0.242, 0.099]
    """
    z = np.asarray(z) / temperature
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
