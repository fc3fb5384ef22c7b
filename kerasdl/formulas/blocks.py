"""Blocks: the ideas that the famous image networks are made of.

An image is (height, width, channels); a normalized convolution is `normalized(kernel, norm)`, with
`norm` the four of batch normalization: gamma, beta, mean and variance.
"""

import numpy as np

from kerasdl.formulas.activations import relu, sigmoid
from kerasdl.formulas.bayesian_optimization import normal_probability
from kerasdl.formulas.convolution import grouped_convolution
from kerasdl.formulas.normalization import batch_normalization_inference, layer_normalization
from kerasdl.formulas.pooling import average_pooling


def normalized(x, kernel, norm, stride=1, groups=1, epsilon=1e-5):
    """What deep networks are rows of: a convolution without a bias, for normalization follows it.

        y = gamma (X * W - mu) / sqrt(var + eps) + beta        X padded by (k - 1) / 2

    Spec: CNA-12, CNA-15

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


def residual(x, block):
    """Learn what to change, and keep the rest.

        H(x) = F(x) + x        dH/dx = dF/dx + 1

    However small dF/dx is, the gradient gets through.

    Spec: CNA-14

    >>> residual(np.array([1.0, 2.0]), lambda x: 0 * x)  # doing nothing is easy to learn
    array([1., 2.])
    """
    return block(x) + x


def squeeze_excitation(x, w1, b1, w2, b2):
    """A network that weighs its channels by what the whole image holds; x is (height, width, C).

        s = sigma( relu( mean_ij(x) W1 + b1 ) W2 + b2 )        y = s x

    Its price for C channels and a ratio r: 2 C^2 / r + C / r + C weights, 580 for 64 and 16.

    Spec: CNO-55, CNA-27

    >>> x, zero = np.ones((2, 2, 4)), np.zeros
    >>> squeeze_excitation(x, zero((4, 1)), zero(1), zero((1, 4)), zero(4))[0, 0]
    array([0.5, 0.5, 0.5, 0.5])
    """
    squeezed = x.mean(axis=(0, 1))  # (C,)
    return x * sigmoid(relu(squeezed @ w1 + b1) @ w2 + b2)


def dense_connections(x, layers):
    """Every layer reads everything before it, and its own few channels are added to the pile.

        x_n = H_n([x_0, x_1, ..., x_{n-1}])        output: [x_0, ..., x_n]

    A sum keeps the number of channels; each of these adds its growth rate.

    Spec: CNA-18, CNA-19

    >>> layer = lambda x: x.sum(axis=-1, keepdims=True)  # growth rate 1
    >>> dense_connections(np.array([1.0, 2.0]), [layer, layer])
    array([1., 2., 3., 6.])
    """
    for layer in layers:
        x = np.concatenate([x, layer(x)], axis=-1)
    return x


def basic_block(x, first, second, shortcut=None, stride=1):
    """Two 3x3 convolutions beside x: ResNet-18 and 34. The notes call it a bottleneck, which it is
    not. `first`, `second` and `shortcut` are (kernel, norm).

        y = relu( BN(W_2 * relu(BN(W_1 * x))) + x )        BN(W_s * x) for x where shapes change

    Spec: CNA-12, CNA-15, E-09

    >>> kernel, norm = np.ones((3, 3, 1, 1)), (0.0, 0.0, 0.0, 1.0)  # gamma is 0: nothing is added
    >>> basic_block(np.array([[[2.0]], [[-1.0]]]), (kernel, norm), (kernel, norm)).ravel()
    array([2., 0.])
    """
    change = normalized(relu(normalized(x, *first, stride)), *second)
    return relu(change + (normalized(x, *shortcut, stride) if shortcut else x))


def bottleneck_block(x, narrow, look, widen, shortcut=None, stride=1, groups=1):
    """The 3x3 convolution on few channels, between two 1x1: ResNet-50 and on, and with groups
    ResNeXt.

        y = relu( BN(W_3 * relu(BN(W_2 * relu(BN(W_1 * x))))) + x )

    Spec: CNA-13, CNA-22, CNO-52

    >>> one, norm = np.ones((1, 1, 1, 1)), (1.0, 0.0, 0.0, 1.0 - 1e-5)
    >>> bottleneck_block(np.full((1, 1, 1), 2.0), *[(one, norm)] * 3).round(6).ravel()
    array([4.])
    """
    y = relu(normalized(x, *narrow))
    y = normalized(relu(normalized(y, *look, stride, groups)), *widen)
    return relu(y + (normalized(x, *shortcut, stride) if shortcut else x))


def inception(x, branches):
    """Look with several sizes at once and let the next layer choose: channels side by side.

        y = [F_1x1(x), F_3x3(x), F_5x5(x), F_pool(x)]

    Spec: CNA-11

    >>> inception(np.ones((1, 1, 2)), [lambda x: x, lambda x: 3 * x]).ravel().tolist()
    [1.0, 1.0, 3.0, 3.0]
    """
    return np.concatenate([branch(x) for branch in branches], axis=-1)


def transition(x, norm, kernel):
    """Between two dense blocks: fewer channels, half the height and width.

        y = mean_2x2( W_1x1 * relu(BN(x)) )

    Spec: CNA-18

    >>> transition(np.ones((2, 2, 2)), (1.0, 0.0, 0.0, 1.0), np.full((1, 1, 2, 1), 0.5)).round(4)
    array([[[1.]]])
    """
    gamma, beta, mean, variance = norm
    y = relu(batch_normalization_inference(x, mean, variance, gamma, beta, 1e-5))
    return average_pooling(y @ kernel[0, 0])


def depthwise_separable_block(x, depthwise, pointwise, stride=1):
    """MobileNet's: a 3x3 convolution of each channel, then 1x1 across them, each normalized.

        y = f(BN(W_p * f(BN(W_d * x))))        f(z) = min(max(z, 0), 6)

    Of a full convolution's weights it has 1 / C_out + 1 / k^2.

    Spec: CNA-21, CNO-45

    >>> norm = 1.0, 0.0, 0.0, 1.0
    >>> parts = (np.ones((3, 3, 1, 2)), norm), (np.ones((1, 1, 2, 1)), norm)
    >>> depthwise_separable_block(np.ones((1, 1, 2)), *parts).round(3).ravel()
    array([2.])
    """
    looked = normalized(x, *depthwise, stride, groups=x.shape[-1])
    return np.clip(normalized(np.clip(looked, 0, 6), *pointwise), 0, 6)


def convnext_block(x, kernel, bias, norm, w1, b1, w2, b2, scale):
    """A convolutional block in the manner of a transformer's: 7x7 of each channel, LayerNorm, MLP.

        y = x + s (gelu( LN(W_d * x) W_1 + b_1 ) W_2 + b_2)        gelu(z) = z Phi(z)

    Spec: CNA-24

    >>> x, zero = np.ones((1, 1, 2)), np.zeros
    >>> weights = zero((7, 7, 1, 2)), zero(2), (1.0, 0.0), zero((2, 8)), zero(8), zero((8, 2))
    >>> convnext_block(x, *weights, b2=np.ones(2), scale=0.5).ravel()
    array([1.5, 1.5])
    """
    padded = np.pad(x, [(3, 3), (3, 3), (0, 0)])
    looked = grouped_convolution(padded, kernel, groups=x.shape[-1]) + bias
    z = layer_normalization(looked, *norm, epsilon=1e-6) @ w1 + b1
    return x + scale * (z * normal_probability(z) @ w2 + b2)
