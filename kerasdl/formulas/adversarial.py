"""What was added to the game of `generative`: steadier learning, other tasks, growing networks."""

import itertools

import numpy as np

from kerasdl.formulas.generative import generator_loss


def dcgan_generator_parameters(latent=100, width=64, start=4, steps=4, channels=3):
    """Transposed convolutions without biases, whose maps double while their channels halve.

        N = s^2 z f_1 + 16 (f_1 f_2 + f_2 f_3 + ... + f_n c) + 2 sum f        f_i = w 2^(n - i)

    The order is convolution, norm, activation: ReLU here and leaky ReLU in the discriminator, where
    the notes differ. A dense layer of s^2 f_1 units on the noise has as many weights as the first
    convolution and does the same.

    Spec: GAN-10, E-30, E-33

    >>> dcgan_generator_parameters()
    3576704
    """
    filters = [width * 2**i for i in reversed(range(steps))]
    between = sum(16 * n * m for n, m in itertools.pairwise([*filters, channels]))
    return start**2 * latent * filters[0] + between + 2 * sum(filters)


def dcgan_discriminator_parameters(width=64, end=4, steps=4, channels=3, normalized=True):
    """The way back: convolutions whose maps halve, a norm behind each but the first, one logit.

        N = 16 (c f_1 + f_1 f_2 + ...) + e^2 f_n + 2 (f_2 + ... + f_n)        f_i = w 2^(i - 1)

    One of the notes avoids batch normalization in a discriminator, another has it in both networks.
    DCGAN has it in both; a critic with a gradient penalty or spectral normalization has none.

    Spec: GAN-11, GAN-22, E-31

    >>> dcgan_discriminator_parameters()
    2765568
    """
    filters = [width * 2**i for i in range(steps)]
    between = sum(16 * n * m for n, m in itertools.pairwise([channels, *filters]))
    return between + end**2 * filters[-1] + normalized * 2 * sum(filters[1:])


def feature_matching_loss(real, fake):
    """Be like real images on average, in what the discriminator sees, not in its verdict.

        L_G = || mean f(x) - mean f(G(z)) ||^2

    Spec: GAN-29

    >>> float(feature_matching_loss(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]])))
    9.0
    """
    return np.sum((np.mean(real, axis=0) - np.mean(fake, axis=0)) ** 2)


def minibatch_discrimination(x, t):
    """Beside each image's features, how much others in the batch are like it: collapse shows.

        M_i = x_i T (kernels, d)        o_ik = sum_{j != i} exp(-|M_ik - M_jk|_1)        [x ; o]

    Spec: GAN-27, GAN-28

    >>> x = np.array([[1.0], [1.0], [9.0]])
    >>> minibatch_discrimination(x, np.ones((1, 1, 1))).round(3).tolist()
    [[1.0, 1.0], [1.0, 1.0], [9.0, 0.001]]
    """
    m = np.einsum("bf,fkd->bkd", x, t)
    near = np.exp(-np.sum(np.abs(m[:, None] - m[None]), axis=-1))  # (batch, batch, kernels)
    return np.concatenate([x, near.sum(axis=1) - 1], axis=-1)


def bilinear_step(x, y, rate, other_rate):
    """The smallest game, V = x y: x lowers it and y raises it, both at once. They never meet.

        x <- x - a y        y <- y + b x        x^2 + y^2 grows by 1 + a^2 where a = b

    Two time scales means only that the rates differ. One of the notes gives the stronger player,
    the discriminator, the higher one; which does better is to be tried.

    Spec: GAN-31, GAN-41, E-35

    >>> bilinear_step(1.0, 0.0, 0.1, 0.4)
    (1.0, 0.4)
    """
    return x - rate * y, y + other_rate * x


def unrolled_slope(x, y, rate, steps):
    """What x learns in that game if it foresees `steps` steps of y, and its own part in them.

        y_k = y + k b x        d(x y_k)/dx = y + 2 k b x

    The second part draws x to 0, where the game rests.

    Spec: GAN-30

    >>> unrolled_slope(1.0, 0.0, 0.5, steps=3)
    3.0
    """
    return y + 2 * steps * rate * x


def fade_in(old, new, share):
    """Growing a network: at first the old image, doubled, at last the new one.

        y = (1 - a) up(old) + a new

    Spec: GAN-32

    >>> fade_in(np.ones((1, 1, 1)), np.zeros((2, 2, 1)), 0.25)[..., 0].tolist()
    [[0.75, 0.75], [0.75, 0.75]]
    """
    doubled = np.repeat(np.repeat(old, 2, axis=-3), 2, axis=-2)
    return (1 - share) * doubled + share * new


def cycle_loss(x, back):
    """There and back again, from horse to zebra to horse, without pairs to learn from.

        L = mean |F(G(x)) - x|

    Spec: GAN-34

    >>> float(cycle_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    1.0
    """
    return np.mean(np.abs(back - x))


def pix2pix_loss(d_fake, y, p, rate=100.0):
    """With pairs: convince, and be near what was asked for. D judges each patch of its grid.

        L_G = -E[ log D(x, G(x)) ] + lambda mean |y - G(x)|

    Spec: GAN-35

    >>> float(pix2pix_loss(np.ones(4), np.array([0.5]), np.array([0.25])))
    25.0
    """
    return generator_loss(d_fake) + rate * np.mean(np.abs(y - p))


def patch_grid(size):
    """Verdicts on a side: three convolutions that halve, two that do not; each sees 70 pixels.

        kernels 4, padding 1: n <- (n - 2) / 2 + 1, three times; n <- n - 1, twice

    Spec: GAN-35

    >>> patch_grid(256)
    30
    """
    for stride in (2, 2, 2, 1, 1):
        size = (size + 2 - 4) // stride + 1
    return size


def information_bound(log_q, entropy):
    """How much of its code an image shows at least: InfoGAN raises it with a network Q that reads.

        I(c; x) >= E[ log Q(c | x) ] + H(c)

    Spec: GAN-37

    >>> float(information_bound(np.log([1.0, 1.0]), np.log(2)).round(6))  # all that there is
    0.693147
    """
    return np.mean(log_q) + entropy


def semi_supervised_loss(real_logits, fake_logits):
    """A classifier as discriminator: real is what belongs to one of the K classes.

        D(x) = Z / (Z + 1)        Z = sum_c e^(z_c), as if "made" were a class with logit 0
        L = E[ softplus(-ln Z(x)) ] + E[ softplus(ln Z(G(z))) ], for images without labels

    Spec: GAN-39

    >>> sure = np.array([[50.0, 0.0]])
    >>> round(float(semi_supervised_loss(sure, -sure - 50)), 6)
    0.0
    """
    real, fake = (np.logaddexp.reduce(z, axis=-1) for z in (real_logits, fake_logits))
    return np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
