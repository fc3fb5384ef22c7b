"""Building blocks of the well-known image networks.

An image is (height, width, channels). A normalized convolution is `normalized(kernel, norm)`, where
`norm` is the tuple (gamma, beta, mean, variance) of batch normalization.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.activations import relu, sigmoid
from kerasdl.formulas.bayesian_optimization import normal_probability
from kerasdl.formulas.convolution import grouped_convolution
from kerasdl.formulas.normalization import batch_normalization_inference, layer_normalization
from kerasdl.formulas.pooling import average_pooling


def normalized(
    x: np.ndarray,
    kernel: np.ndarray,
    norm: tuple,
    stride: int = 1,
    groups: int = 1,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """Convolution without a bias, followed by batch normalization at inference.

        y = gamma (X * W - mu) / sqrt(var + eps) + beta        X padded by (k - 1) / 2

    The convolution needs no bias, because the normalization has one.

    Args:
        x: array (height, width, channels).
        kernel: array (k, k, channels / groups, filters).
        norm: (gamma, beta, mean, variance).
        stride: int, stride.
        groups: int, groups of channels.
        epsilon: float, added to the variance.

    >>> norm = np.ones(1), np.zeros(1), np.zeros(1), np.ones(1)
    >>> normalized(np.ones((3, 3, 1)), np.ones((3, 3, 1, 1)), norm, epsilon=0.0)[..., 0]
    array([[4., 6., 4.],
           [6., 9., 6.],
           [4., 6., 4.]])
    """
    around = kernel.shape[0] // 2
    padded = np.pad(x, [(around, around), (around, around), (0, 0)])
    y = grouped_convolution(padded, kernel, groups, stride=stride)
    gamma, beta, mean, variance = norm
    return batch_normalization_inference(y, mean, variance, gamma, beta, epsilon)


def residual(x: ArrayLike, block: Callable) -> np.ndarray:
    """Residual connection: the block learns only the change, and the input is added.

        H(x) = F(x) + x        dH/dx = dF/dx + 1

    However small dF/dx is, the gradient passes through the addition.

    Args:
        x: array.
        block: function F.

    >>> residual(np.array([1.0, 2.0]), lambda x: 0 * x)  # F = 0 gives the identity
    array([1., 2.])

    Reference: He et al., 2016.
    """
    return block(x) + x


def squeeze_excitation(
    x: np.ndarray, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray
) -> np.ndarray:
    """Squeeze-and-excitation: scale each channel by a gate computed from the whole image.

        s = sigma( relu( mean_ij(x) W1 + b1 ) W2 + b2 )        y = s x

    For C channels and a reduction ratio r it has 2 C^2 / r + C / r + C parameters: 580 for 64 and
    16.

    Args:
        x: array (height, width, C).
        w1: array (C, C / r), weights of the squeeze.
        b1: array (C / r,), its bias.
        w2: array (C / r, C), weights of the excitation.
        b2: array (C,), its bias.

    >>> x, zero = np.ones((2, 2, 4)), np.zeros
    >>> squeeze_excitation(x, zero((4, 1)), zero(1), zero((1, 4)), zero(4))[0, 0]
    array([0.5, 0.5, 0.5, 0.5])

    Reference: Hu et al., 2018.
    """
    squeezed = x.mean(axis=(0, 1))  # (C,)
    return x * sigmoid(relu(squeezed @ w1 + b1) @ w2 + b2)


def dense_connections(x: np.ndarray, layers: Sequence[Callable]) -> np.ndarray:
    """Dense connectivity: each layer reads the concatenation of all earlier outputs.

        x_n = H_n([x_0, x_1, ..., x_{n-1}])        output: [x_0, ..., x_n]

    A sum, as in ResNet, keeps the number of channels; here each layer adds its growth rate.

    Args:
        x: array (..., channels).
        layers: functions H_1, ..., H_n.

    >>> layer = lambda x: x.sum(axis=-1, keepdims=True)  # growth rate 1
    >>> dense_connections(np.array([1.0, 2.0]), [layer, layer])
    array([1., 2., 3., 6.])

    Reference: Huang et al., 2017.
    """
    for layer in layers:
        x = np.concatenate([x, layer(x)], axis=-1)
    return x


def basic_block(
    x: np.ndarray,
    first: tuple[np.ndarray, tuple],
    second: tuple[np.ndarray, tuple],
    shortcut: tuple[np.ndarray, tuple] | None = None,
    stride: int = 1,
) -> np.ndarray:
    """Basic residual block of two 3x3 convolutions, as in ResNet-18 and ResNet-34.

        y = relu( BN(W_2 * relu(BN(W_1 * x))) + x )        BN(W_s * x) for x where shapes change

    The 1x1, 3x3, 1x1 block of deeper ResNets is `bottleneck_block`.

    Args:
        x: array (height, width, channels).
        first: (kernel, norm) of the first convolution.
        second: (kernel, norm) of the second one.
        shortcut: (kernel, norm) of a 1x1 convolution where shapes change; None adds x itself.
        stride: int, stride of the first convolution.

    >>> kernel, norm = np.ones((3, 3, 1, 1)), (0.0, 0.0, 0.0, 1.0)  # gamma = 0: F is 0
    >>> basic_block(np.array([[[2.0]], [[-1.0]]]), (kernel, norm), (kernel, norm)).ravel()
    array([2., 0.])

    Reference: He et al., 2016.
    """
    change = normalized(relu(normalized(x, *first, stride)), *second)
    return relu(change + (normalized(x, *shortcut, stride) if shortcut else x))


def bottleneck_block(
    x: np.ndarray,
    narrow: tuple[np.ndarray, tuple],
    look: tuple[np.ndarray, tuple],
    widen: tuple[np.ndarray, tuple],
    shortcut: tuple[np.ndarray, tuple] | None = None,
    stride: int = 1,
    groups: int = 1,
) -> np.ndarray:
    """Bottleneck residual block: a 3x3 convolution on few channels between two 1x1 convolutions.

        y = relu( BN(W_3 * relu(BN(W_2 * relu(BN(W_1 * x))))) + x )

    ResNet-50 and deeper use it; with groups it is ResNeXt's block.

    Args:
        x: array (height, width, channels).
        narrow: (kernel, norm) of the first 1x1 convolution.
        look: (kernel, norm) of the 3x3 convolution.
        widen: (kernel, norm) of the last 1x1 convolution.
        shortcut: (kernel, norm) of a 1x1 convolution where shapes change; None adds x itself.
        stride: int, stride of the 3x3 convolution.
        groups: int, its groups.

    >>> one, norm = np.ones((1, 1, 1, 1)), (1.0, 0.0, 0.0, 1.0 - 1e-5)
    >>> bottleneck_block(np.full((1, 1, 1), 2.0), *[(one, norm)] * 3).round(6).ravel()
    array([4.])

    Reference: He et al., 2016; Xie et al., 2017.
    """
    y = relu(normalized(x, *narrow))
    y = normalized(relu(normalized(y, *look, stride, groups)), *widen)
    return relu(y + (normalized(x, *shortcut, stride) if shortcut else x))


def inception(x: ArrayLike, branches: Sequence[Callable]) -> np.ndarray:
    """Inception module: branches of different kernel sizes, concatenated along the channels.

        y = [F_1x1(x), F_3x3(x), F_5x5(x), F_pool(x)]

    Args:
        x: array (height, width, channels).
        branches: functions of x.

    >>> inception(np.ones((1, 1, 2)), [lambda x: x, lambda x: 3 * x]).ravel().tolist()
    [1.0, 1.0, 3.0, 3.0]

    Reference: Szegedy et al., 2015.
    """
    return np.concatenate([branch(x) for branch in branches], axis=-1)


def transition(x: np.ndarray, norm: tuple, kernel: np.ndarray) -> np.ndarray:
    """Transition between two dense blocks: fewer channels, half the height and width.

        y = mean_2x2( W_1x1 * relu(BN(x)) )

    Args:
        x: array (height, width, channels).
        norm: (gamma, beta, mean, variance).
        kernel: array (1, 1, channels, filters).

    >>> transition(np.ones((2, 2, 2)), (1.0, 0.0, 0.0, 1.0), np.full((1, 1, 2, 1), 0.5)).round(4)
    array([[[1.]]])

    Reference: Huang et al., 2017.
    """
    gamma, beta, mean, variance = norm
    y = relu(batch_normalization_inference(x, mean, variance, gamma, beta, 1e-5))
    return average_pooling(y @ kernel[0, 0])


def depthwise_separable_block(
    x: np.ndarray,
    depthwise: tuple[np.ndarray, tuple],
    pointwise: tuple[np.ndarray, tuple],
    stride: int = 1,
) -> np.ndarray:
    """MobileNet's block: a depthwise 3x3 and a pointwise 1x1 convolution, each with ReLU6.

        y = f(BN(W_p * f(BN(W_d * x))))        f(z) = min(max(z, 0), 6)

    It has 1 / C_out + 1 / k^2 of the weights of a full convolution.

    Args:
        x: array (height, width, channels).
        depthwise: (kernel, norm) of the depthwise convolution.
        pointwise: (kernel, norm) of the pointwise convolution.
        stride: int, stride of the depthwise convolution.

    >>> norm = 1.0, 0.0, 0.0, 1.0
    >>> parts = (np.ones((3, 3, 1, 2)), norm), (np.ones((1, 1, 2, 1)), norm)
    >>> depthwise_separable_block(np.ones((1, 1, 2)), *parts).round(3).ravel()
    array([2.])

    Reference: Howard et al., 2017.
    """
    looked = normalized(x, *depthwise, stride, groups=x.shape[-1])
    return np.clip(normalized(np.clip(looked, 0, 6), *pointwise), 0, 6)


def convnext_block(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray,
    norm: tuple[np.ndarray, np.ndarray],
    w1: np.ndarray,
    b1: np.ndarray,
    w2: np.ndarray,
    b2: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:
    """ConvNeXt's block: depthwise 7x7 convolution, layer normalization and an MLP, with a residual.

        y = x + s (gelu( LN(W_d * x) W_1 + b_1 ) W_2 + b_2)        gelu(z) = z Phi(z)

    It follows the design of a transformer block.

    Args:
        x: array (height, width, channels).
        kernel: array (7, 7, 1, channels), depthwise.
        bias: array (channels,).
        norm: (gamma, beta) of the layer normalization.
        w1: array (channels, 4 channels), first layer of the MLP.
        b1: array, its bias.
        w2: array (4 channels, channels), second layer.
        b2: array, its bias.
        scale: array (channels,), learned scale s.

    >>> x, zero = np.ones((1, 1, 2)), np.zeros
    >>> weights = zero((7, 7, 1, 2)), zero(2), (1.0, 0.0), zero((2, 8)), zero(8), zero((8, 2))
    >>> convnext_block(x, *weights, b2=np.ones(2), scale=0.5).ravel()
    array([1.5, 1.5])

    Reference: Liu et al., 2022.
    """
    padded = np.pad(x, [(3, 3), (3, 3), (0, 0)])
    looked = grouped_convolution(padded, kernel, groups=x.shape[-1]) + bias
    z = layer_normalization(looked, *norm, epsilon=1e-6) @ w1 + b1
    return x + scale * (z * normal_probability(z) @ w2 + b2)
