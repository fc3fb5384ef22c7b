"""Initial weights: how large they may be so that many layers neither mute a signal nor blow it up.

All-zero weights are no start: equal neurons get equal gradients and stay equal. Before the sizes
below were known, layers were trained one by one, without labels, to find a start (INI-10); see
`boltzmann`.
"""

import math

import numpy as np


def fans(shape):
    """How many inputs a neuron has, and how many take its output: of a kernel (..., in, out).

        n_in = k_1 k_2 ... C_in        n_out = k_1 k_2 ... C_out

    Spec: INI-03

    >>> fans((3, 3, 32, 64))
    (288, 576)
    """
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def variance_after(layers, n_in, weight_variance, kept=1.0):
    """What is left of a signal's variance; `kept` is the part that the activation lets through.

        Var_L / Var_0 = (n_in Var(w) kept)^L

    It is 1/2 for ReLU, which is where He's 2 comes from, and near 1 for a tanh of small numbers.
    With weights of 0.01, as in one of the notes, 20 layers of 256 leave 1e-16 of the deviation.

    Spec: INI-02, INI-06, INI-07

    >>> f"{variance_after(20, 256, 0.01**2) ** 0.5:.1e}"
    '1.2e-16'
    """
    return (n_in * weight_variance * kept) ** layers


def xavier_deviation(n_in, n_out):
    """For tanh and sigmoid: between what keeps signals' variance and what keeps gradients'.

        sigma = sqrt( 2 / (n_in + n_out) )

    Keras's GlorotNormal has this deviation, but cuts the tails off: see `truncated_deviation`.

    Spec: INI-04

    >>> round(xavier_deviation(784, 256), 6)
    0.043853
    """
    return math.sqrt(2 / (n_in + n_out))


def xavier_limit(n_in, n_out):
    """The same, drawn evenly from -limit to limit: the default of Keras's Dense and Conv.

        limit = sqrt( 6 / (n_in + n_out) )

    Spec: INI-03, INI-08, E-37

    >>> round(xavier_limit(784, 256), 6)
    0.075955
    """
    return uniform_limit(xavier_deviation(n_in, n_out))


def he_deviation(n_in, slope=0.0):
    """For ReLU, which halves the variance, or a leaky one with slope a.

        sigma = sqrt( 2 / ((1 + a^2) n_in) )

    Spec: INI-06

    >>> round(he_deviation(784), 6)
    0.050508
    """
    return math.sqrt(2 / ((1 + slope**2) * n_in))


def he_limit(n_in, slope=0.0):
    """The same, drawn evenly.

        limit = sqrt( 6 / ((1 + a^2) n_in) )

    The notes say that PyTorch does so by default. It takes a = sqrt(5), whatever follows, which
    makes 1 / sqrt(n_in): 0.0357 for 784 inputs, not 0.0875. Keras's default is `xavier_limit`.

    Spec: INI-05, INI-08, E-37

    >>> round(he_limit(784), 6), round(he_limit(784, 5**0.5), 6)
    (0.087482, 0.035714)
    """
    return uniform_limit(he_deviation(n_in, slope))


def uniform_limit(deviation):
    """How far an even distribution reaches that has this deviation; a normal one has tails.

        limit = sqrt(3) sigma

    Spec: INI-09

    >>> round(uniform_limit(1.0), 6)
    1.732051
    """
    return math.sqrt(3) * deviation


def truncated_deviation(deviation):
    """What to draw a normal distribution with that is cut at two deviations, to end at this one.

        sigma / sqrt( 1 - 4 phi(2) / (2 Phi(2) - 1) ) = sigma / 0.8796

    Spec: INI-04, INI-06

    >>> round(1 / truncated_deviation(1.0), 6)
    0.879626
    """
    density = np.exp(-2) / math.sqrt(2 * math.pi)  # phi(2)
    inside = math.erf(math.sqrt(2))  # 2 Phi(2) - 1
    return float(deviation / math.sqrt(1 - 4 * density / inside))


def effective_rate(learning_rate, scale):
    """What a rate is worth to weights before a BatchNorm that are `scale` times as large.

        BN(a W x) = BN(W x)    =>    dL/d(aW) = 1/a dL/dW    =>    eta_eff = eta / a^2

    So no start mutes the signal or blows it up, as the notes say. It still matters: large weights
    turn slowly. From deviations of 0.01 and 1, at the same rate, losses end twice or more apart.

    Spec: INI-11, REG-11

    >>> effective_rate(0.1, scale=10)
    0.001
    """
    return learning_rate / scale**2
