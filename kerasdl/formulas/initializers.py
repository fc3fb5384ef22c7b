"""Weight initialization: scales that keep signals and gradients stable through many layers.

Weights must not all start at zero: equal neurons get equal gradients and stay equal. Before these
scales were known, layers were pre-trained one by one without labels, see `boltzmann`.
"""

import math

import numpy as np


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Fan-in and fan-out of a kernel (..., inputs, outputs).

        n_in = k_1 k_2 ... C_in        n_out = k_1 k_2 ... C_out

    Args:
        shape: tuple of int, shape of the kernel.

    >>> fans((3, 3, 32, 64))
    (288, 576)
    """
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def variance_after(layers: int, n_in: int, weight_variance: float, kept: float = 1.0) -> float:
    """Fraction of a signal's variance that is left after several layers.

        Var_L / Var_0 = (n_in Var(w) kept)^L

    For ReLU half of the variance is kept, which is where He's factor 2 comes from; for tanh near 0
    almost all. Weights with a standard deviation of 0.01 leave 1e-16 of the signal's deviation
    after 20 layers of 256.

    Args:
        layers: int, number L of layers.
        n_in: int, inputs of a neuron.
        weight_variance: float, variance of the weights.
        kept: float, fraction of the variance that the activation keeps.

    >>> f"{variance_after(20, 256, 0.01**2) ** 0.5:.1e}"
    '1.2e-16'
    """
    return (n_in * weight_variance * kept) ** layers


def xavier_deviation(n_in: int, n_out: int) -> float:
    """Standard deviation of Xavier (Glorot) normal initialization, for tanh and sigmoid.

        sigma = sqrt( 2 / (n_in + n_out) )

    It is a compromise between keeping the variance of signals and that of gradients. Keras's
    GlorotNormal draws from a truncated normal with this deviation, see `truncated_deviation`.

    Args:
        n_in: int, inputs of a neuron.
        n_out: int, neurons that take its output.

    >>> round(xavier_deviation(784, 256), 6)
    0.043853

    Reference: Glorot and Bengio, 2010.
    """
    return math.sqrt(2 / (n_in + n_out))


def xavier_limit(n_in: int, n_out: int) -> float:
    """Limit of Xavier (Glorot) uniform initialization, Keras's default for Dense and Conv.

        limit = sqrt( 6 / (n_in + n_out) )

    Args:
        n_in: int, inputs of a neuron.
        n_out: int, neurons that take its output.

    >>> round(xavier_limit(784, 256), 6)
    0.075955

    Reference: Glorot and Bengio, 2010.
    """
    return uniform_limit(xavier_deviation(n_in, n_out))


def he_deviation(n_in: int, slope: float = 0.0) -> float:
    """Standard deviation of He normal initialization, for ReLU, which halves the variance.

        sigma = sqrt( 2 / ((1 + a^2) n_in) )

    Args:
        n_in: int, inputs of a neuron.
        slope: float, slope a of a leaky ReLU.

    >>> round(he_deviation(784), 6)
    0.050508

    Reference: He et al., 2015.
    """
    return math.sqrt(2 / ((1 + slope**2) * n_in))


def he_limit(n_in: int, slope: float = 0.0) -> float:
    """Limit of He uniform initialization.

        limit = sqrt( 6 / ((1 + a^2) n_in) )

    It is not the default of any framework: PyTorch uses a = sqrt(5), whatever the activation, which
    gives 1 / sqrt(n_in), 0.0357 for 784 inputs and not 0.0875; Keras uses `xavier_limit`.

    Args:
        n_in: int, inputs of a neuron.
        slope: float, slope a of a leaky ReLU.

    >>> round(he_limit(784), 6), round(he_limit(784, 5**0.5), 6)
    (0.087482, 0.035714)

    Reference: He et al., 2015.
    """
    return uniform_limit(he_deviation(n_in, slope))


def uniform_limit(deviation: float) -> float:
    """Limit of the uniform distribution with a given standard deviation.

        limit = sqrt(3) sigma

    Args:
        deviation: float, sigma.

    >>> round(uniform_limit(1.0), 6)
    1.732051
    """
    return math.sqrt(3) * deviation


def truncated_deviation(deviation: float) -> float:
    """Deviation to draw with, so that a normal cut at two deviations has the wanted one.

        sigma / sqrt( 1 - 4 phi(2) / (2 Phi(2) - 1) ) = sigma / 0.8796

    Args:
        deviation: float, wanted standard deviation sigma.

    >>> round(1 / truncated_deviation(1.0), 6)
    0.879626
    """
    density = np.exp(-2) / math.sqrt(2 * math.pi)  # phi(2)
    inside = math.erf(math.sqrt(2))  # 2 Phi(2) - 1
    return float(deviation / math.sqrt(1 - 4 * density / inside))


def effective_rate(learning_rate: float, scale: float) -> float:
    """Effective learning rate of weights before a batch normalization, if they are scaled.

        BN(a W x) = BN(W x)    =>    dL/d(aW) = 1/a dL/dW    =>    eta_eff = eta / a^2

    So no initialization mutes or blows up the signal. It still matters, because large weights
    change slowly: starting from deviations of 0.01 and 1, final losses differ by a factor of two or
    more.

    Args:
        learning_rate: float, eta.
        scale: float, factor a.

    >>> effective_rate(0.1, scale=10)
    0.001
    """
    return learning_rate / scale**2
