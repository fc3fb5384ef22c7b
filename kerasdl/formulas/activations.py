"""Activations: what a neuron makes of its weighted sum, and the slopes that learning needs.

Without one, layers on layers are one layer: see `basics.collapse`.
"""

import numpy as np


def step(z):
    """The perceptron's threshold, which says yes at exactly 0 too.

        f(z) = 1 if z >= 0 else 0

    Its slope is 0 wherever it has one: nothing flows back through it.

    Spec: BAS-05, ACT-14

    >>> step(np.array([-0.1, 0.0, 3.0]))
    array([0, 1, 1])
    """
    return (np.asarray(z) >= 0).astype(int)


def sigmoid(z):
    """A soft step between 0 and 1, neither of which it reaches.

        sigma(z) = 1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2        the second form cannot overflow

    One of the notes calls it deprecated. In hidden layers it is; gates, answers of yes or no and
    pixels still need it. (Rounded, large z give 0 and 1.)

    Spec: ACT-01, E-38, E-39

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z)))


def sigmoid_slope(z):
    """At most 1/4, and next to nothing far from 0: why inputs are scaled, and deep nets left it.

        sigma'(z) = sigma(z) (1 - sigma(z))

    Spec: ACT-01, ACT-17, ACT-19, E-38

    >>> sigmoid_slope(np.array([0.0, 6.0])).round(6).tolist()
    [0.25, 0.002467]
    """
    return sigmoid(z) * (1 - sigmoid(z))


def tanh(z):
    """A sigmoid with 0 in its middle, between -1 and 1; what a recurrent state passes through.

        tanh(z) = (e^z - e^-z) / (e^z + e^-z) = 2 sigma(2 z) - 1

    Spec: ACT-02, E-38, E-39

    >>> round(float(tanh(1.0)), 6)
    0.761594
    """
    return 2 * sigmoid(2 * np.asarray(z)) - 1


def tanh_slope(z):
    """1 at 0, and below everywhere else.

        tanh'(z) = 1 - tanh(z)^2

    One of the notes concludes that gradients are sure to vanish. They are not: weights count as
    well, and with Xavier's, ten such layers keep most of the gradient.

    Spec: ACT-02, ACT-17, E-38

    >>> round(float(tanh_slope(1.0)), 6)
    0.419974
    """
    return 1 - tanh(z) ** 2


def relu(z):
    """Pass what is positive.

        f(z) = max(0, z)

    Spec: ACT-03

    >>> relu(np.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    return np.maximum(0, z)


def relu_slope(z):
    """1 or 0, and 0 at 0 by agreement.

        f'(z) = 1 if z > 0 else 0

    It saturates on the negative side, which one of the notes forgets: a unit that is negative for
    every example learns no more and is called dead.

    Spec: ACT-03, ACT-16, ACT-17, E-40

    >>> relu_slope(np.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return (np.asarray(z) > 0).astype(float)


def leaky_relu(z, slope=0.01):
    """A ReLU that lets a little of the negative side through, so that no unit dies.

        f(z) = z if z > 0 else a z        = max(a z, z), but only for a <= 1

    The notes take a = 0.01, and 0.2 in GANs; Keras's layer takes 0.3 unless it is told. Where a is
    learned it is the parametric ReLU.

    Spec: ACT-04, ACT-05, ACT-16, E-42

    >>> leaky_relu(np.array([-1.0, 2.0])).tolist()
    [-0.01, 2.0]
    """
    return np.where(np.asarray(z) > 0, z, slope * np.asarray(z))


def parametric_relu_gradient(z, upstream):
    """How the slope of a parametric ReLU learns: only from what is negative.

        dL/da = sum( dL/df min(0, z) )

    Spec: ACT-05

    >>> float(parametric_relu_gradient(np.array([-2.0, 3.0]), np.ones(2)))
    -2.0
    """
    return np.sum(upstream * np.minimum(0, z))


def swish(z, beta=1.0):
    """A ReLU with a soft knee, also called SiLU; between z / 2 and ReLU as beta grows.

        f(z) = z sigma(beta z)

    Spec: ACT-06

    >>> swish(np.array([-1.0, 1.0])).round(6).tolist()
    [-0.268941, 0.731059]
    """
    return z * sigmoid(beta * np.asarray(z))


def elu(z, alpha=1.0):
    """A ReLU whose negative side ends at -alpha, so that outputs average nearer to 0.

        f(z) = z if z > 0 else alpha (e^z - 1)

    Spec: ACT-07

    >>> round(float(elu(-1.0)), 6)
    -0.632121
    """
    return np.where(np.asarray(z) > 0, z, alpha * np.expm1(np.minimum(0, z)))


def selu(z):
    """An ELU stretched so that outputs of mean 0 and variance 1 stay so, layer after layer.

        f(z) = lambda elu(z, alpha)

    That holds for weights of variance 1 / n_in (`lecun_normal`) and nothing else in between.

    Spec: ACT-08

    >>> round(float(selu(-1.0)), 6)
    -1.111331
    """
    return 1.0507009873554805 * elu(z, 1.6732632423543772)


def softmax(z, temperature=1.0):
    """Numbers of any sign as the parts of a whole: each row becomes positive and sums to 1.

        p_i = e^(z_i / T) / sum_j e^(z_j / T)

    The powers are what makes it work for any sign: 1, 2, -3 sum to 0 and have no shares. The
    inputs, not their powers, are the logits. Taking the largest off first changes nothing but
    that no power overflows. T divides the logits of a last layer: near 0 the largest takes all, and
    a large T makes all alike. The notes bring it into attention, which has a divisor of its own.
    Their code sums over the whole array, which is wrong as soon as there are two rows.

    Spec: ACT-09, ACT-10, ACT-11, ACT-12, ACT-13, TRF-37, E-15, E-18, E-43

    >>> softmax(np.array([2.0, 1.0, 0.1])).round(3).tolist()
    [0.659, 0.242, 0.099]
    """
    z = np.asarray(z) / temperature
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
