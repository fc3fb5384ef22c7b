"""GAN variants: DCGAN, stabilization, translation between domains, growing networks."""

import itertools

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.generative import generator_loss


def dcgan_generator_parameters(
    latent: int = 100, width: int = 64, start: int = 4, steps: int = 4, channels: int = 3
) -> int:
    """Number of trainable parameters of a DCGAN generator.

        N = s^2 z f_1 + 16 (f_1 f_2 + f_2 f_3 + ... + f_n c) + 2 sum f        f_i = w 2^(n - i)

    Its transposed convolutions have no biases; each doubles the size of the maps and halves the
    channels. The order is convolution, batch normalization, ReLU; the discriminator uses leaky
    ReLU. A dense layer of s^2 f_1 units on the noise has as many weights as the first transposed
    convolution and computes the same.

    Args:
        latent: int, length of the noise vector.
        width: int, channels before the last layer.
        start: int, side of the first maps.
        steps: int, number of layers with batch normalization.
        channels: int, channels of the image.

    >>> dcgan_generator_parameters()
    3576704

    Reference: Radford et al., 2016.
    """
    filters = [width * 2**i for i in reversed(range(steps))]
    between = sum(16 * n * m for n, m in itertools.pairwise([*filters, channels]))
    return start**2 * latent * filters[0] + between + 2 * sum(filters)


def dcgan_discriminator_parameters(
    width: int = 64, end: int = 4, steps: int = 4, channels: int = 3, normalized: bool = True
) -> int:
    """Number of trainable parameters of a DCGAN discriminator, which ends in one logit.

        N = 16 (c f_1 + f_1 f_2 + ...) + e^2 f_n + 2 (f_2 + ... + f_n)        f_i = w 2^(i - 1)

    Convolutions halve the maps and double the channels. DCGAN normalizes every hidden layer but the
    first, in both networks; critics with a gradient penalty or spectral normalization do without
    batch normalization.

    Args:
        width: int, channels after the first layer.
        end: int, side of the last maps.
        steps: int, number of convolutions before the last one.
        channels: int, channels of the image.
        normalized: bool, whether hidden layers have batch normalization.

    >>> dcgan_discriminator_parameters()
    2765568

    Reference: Radford et al., 2016.
    """
    filters = [width * 2**i for i in range(steps)]
    between = sum(16 * n * m for n, m in itertools.pairwise([channels, *filters]))
    return between + end**2 * filters[-1] + normalized * 2 * sum(filters[1:])


def feature_matching_loss(real: float | np.ndarray, fake: float | np.ndarray) -> np.floating:
    """Distance between the mean discriminator features of real and generated images.

        L_G = || mean f(x) - mean f(G(z)) ||^2

    Training the generator on it, and not on the discriminator's output, is more stable.

    Args:
        real: array (batch, features), features of real images.
        fake: array (batch, features), features of generated images.

    >>> float(feature_matching_loss(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]])))
    9.0

    Reference: Salimans et al., 2016.
    """
    return np.sum((np.mean(real, axis=0) - np.mean(fake, axis=0)) ** 2)


def minibatch_discrimination(x: float | np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """Append to each example how similar it is to the rest of its batch.

        M_i = x_i T (kernels, d)        o_ik = sum_{j != i} exp(-|M_ik - M_jk|_1)        [x ; o]

    A discriminator that sees these features can detect mode collapse.

    Args:
        x: array (batch, features).
        t: array (features, kernels, d), learned projection.

    >>> x = np.array([[1.0], [1.0], [9.0]])
    >>> minibatch_discrimination(x, np.ones((1, 1, 1))).round(3).tolist()
    [[1.0, 1.0], [1.0, 1.0], [9.0, 0.001]]

    Reference: Salimans et al., 2016.
    """
    m = np.einsum("bf,fkd->bkd", x, t)
    near = np.exp(-np.sum(np.abs(m[:, None] - m[None]), axis=-1))  # (batch, batch, kernels)
    return np.concatenate([x, near.sum(axis=1) - 1], axis=-1)


def bilinear_step(x: float, y: float, rate: float, other_rate: float) -> tuple[float, float]:
    """One step of simultaneous gradient play in the game V = x y: x lowers V, y raises it.

        x <- x - a y        y <- y + b x        x^2 + y^2 grows by 1 + a^2 where a = b

    The players circle outward and never reach the equilibrium at 0, as two networks can. Two
    time-scale updates mean that the learning rates differ; which one should be larger depends on
    the problem.

    Args:
        x: float, player who minimizes.
        y: float, player who maximizes.
        rate: float, learning rate a of x.
        other_rate: float, learning rate b of y.

    >>> bilinear_step(1.0, 0.0, 0.1, 0.4)
    (1.0, 0.4)
    """
    return x - rate * y, y + other_rate * x


def unrolled_slope(x: float, y: float, rate: float, steps: int) -> float:
    """Gradient for x in the bilinear game if x anticipates several steps of y.

        y_k = y + k b x        d(x y_k)/dx = y + 2 k b x

    The second term is x's own influence on those steps; it pulls x to 0, where the game has its
    equilibrium.

    Args:
        x: float, player who minimizes.
        y: float, player who maximizes.
        rate: float, learning rate b of y.
        steps: int, number k of anticipated steps.

    >>> unrolled_slope(1.0, 0.0, 0.5, steps=3)
    3.0

    Reference: Metz et al., 2017.
    """
    return y + 2 * steps * rate * x


def fade_in(old: float | np.ndarray, new: float | np.ndarray, fraction: float) -> np.ndarray:
    """Blend a new, higher resolution into a growing network.

        y = (1 - a) up(old) + a new

    Args:
        old: array (..., h, w, c), output of the trained resolution; it is doubled.
        new: array (..., 2h, 2w, c), output of the new layer.
        fraction: float, weight a of the new output, from 0 to 1.

    >>> fade_in(np.ones((1, 1, 1)), np.zeros((2, 2, 1)), 0.25)[..., 0].tolist()
    [[0.75, 0.75], [0.75, 0.75]]

    Reference: Karras et al., 2018.
    """
    doubled = np.repeat(np.repeat(old, 2, axis=-3), 2, axis=-2)
    return (1 - fraction) * doubled + fraction * new


def cycle_loss(x: float | np.ndarray, back: float | np.ndarray) -> np.floating:
    """Cycle consistency: translate to the other domain and back, and compare.

        L = mean |F(G(x)) - x|

    It replaces paired examples, such as the same scene with a horse and with a zebra.

    Args:
        x: array, original images.
        back: array like x, images translated there and back.

    >>> float(cycle_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    1.0

    Reference: Zhu et al., 2017.
    """
    return np.mean(np.abs(back - x))


def pix2pix_loss(
    d_fake: float | np.ndarray, y: float | np.ndarray, p: float | np.ndarray, rate: float = 100.0
) -> np.floating:
    """Generator loss of Pix2Pix: fool the discriminator and stay close to the target image.

        L_G = -E[ log D(x, G(x)) ] + lambda mean |y - G(x)|

    The discriminator judges every patch of the image.

    Args:
        d_fake: array, probabilities of "real" for each patch.
        y: array, target images.
        p: array like y, generated images.
        rate: float, weight lambda of the absolute error.

    >>> float(pix2pix_loss(np.ones(4), np.array([0.5]), np.array([0.25])))
    25.0

    Reference: Isola et al., 2017.
    """
    return generator_loss(d_fake) + rate * np.mean(np.abs(y - p))


def patch_grid(size: int) -> int:
    """Side of the grid of judgments of a PatchGAN discriminator.

        kernels 4, padding 1: n <- (n - 2) / 2 + 1, three times; n <- n - 1, twice

    Each judgment sees 70x70 pixels.

    Args:
        size: int, side of the image.

    >>> patch_grid(256)
    30

    Reference: Isola et al., 2017.
    """
    for stride in (2, 2, 2, 1, 1):
        size = (size + 2 - 4) // stride + 1
    return size


def information_bound(log_q: float | np.ndarray, entropy: float) -> np.floating:
    """Lower bound of the mutual information between a code and the image made from it.

        I(c; x) >= E[ log Q(c | x) ] + H(c)

    InfoGAN maximizes it with a network Q that predicts the code from the image.

    Args:
        log_q: array, log-probabilities that Q gives to the true codes.
        entropy: float, entropy of the codes.

    >>> float(information_bound(np.log([1.0, 1.0]), np.log(2)).round(6))  # Q is always right
    0.693147

    Reference: Chen et al., 2016.
    """
    return np.mean(log_q) + entropy


def semi_supervised_loss(real_logits: ArrayLike, fake_logits: ArrayLike) -> np.floating:
    """Loss of a classifier that is also the discriminator, for images without labels.

        D(x) = Z / (Z + 1)        Z = sum_c e^(z_c), as if "generated" were a class with logit 0
        L = E[ softplus(-ln Z(x)) ] + E[ softplus(ln Z(G(z))) ]

    An image counts as real if it belongs to one of the K classes.

    Args:
        real_logits: array (batch, classes), logits of real images.
        fake_logits: array (batch, classes), logits of generated images.

    >>> sure = np.array([[50.0, 0.0]])
    >>> round(float(semi_supervised_loss(sure, -sure - 50)), 6)
    0.0

    Reference: Salimans et al., 2016.
    """
    real, fake = (np.logaddexp.reduce(z, axis=-1) for z in (real_logits, fake_logits))
    return np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
