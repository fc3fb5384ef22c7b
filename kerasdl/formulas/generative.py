"""Generative models: the bound that a VAE raises, and the game that a GAN plays."""

import numpy as np


def reparameterize(mean, log_variance, noise):
    """A sample of N(m, s^2), made of noise that depends on no parameter.

        z = m + s e        s = exp(log s^2 / 2)        e ~ N(0, I)

    One of the notes samples "with a lower z score"; nothing is lowered, e is any normal number.

    Spec: AEN-13, AEN-15, E-70

    >>> float(reparameterize(1.0, np.log(4), 0.5))
    2.0
    """
    return mean + np.exp(log_variance / 2) * noise


def kl_to_standard_normal(mean, log_variance):
    """What codes cost, in nats: how far N(m, s^2) is from N(0, I), summed over the last axis.

        KL = -1/2 sum( 1 + log s^2 - m^2 - s^2 )

    Spec: AEN-16

    >>> float(kl_to_standard_normal(np.array([1.0, 0.0]), np.array([0.0, 0.0])))
    0.5
    """
    return -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance), axis=-1)


def bernoulli_log_likelihood(x, logits):
    """How well the logits of their means explain pixels in [0, 1], summed over the last axis.

        log p(x | z) = sum( x log p + (1 - x) log(1 - p) )        p = sigma(logit)

    Spec: AEN-20

    >>> round(float(bernoulli_log_likelihood(np.array([1.0, 0.0]), np.array([0.0, 0.0]))), 6)
    -1.386294
    """
    return np.sum(x * logits - np.logaddexp(0, logits), axis=-1)


def gaussian_log_likelihood(x, mean):
    """The same of means of numbers that vary about them with variance 1, as colours do.

        log p(x | z) = -sum( (x - m)^2 / 2 + log(2 pi) / 2 )

    Which error to take follows from what x is: 0 or 1, cross-entropy; any number, squares. One of
    the notes blames squares for the blur of images that its code compares by cross-entropy.

    Spec: AEN-17, AEN-20, E-71

    >>> round(float(gaussian_log_likelihood(np.array([1.0]), np.array([3.0]))), 6)
    -2.918939
    """
    return -np.sum((x - mean) ** 2 / 2 + np.log(2 * np.pi) / 2, axis=-1)


def elbo(log_likelihood, kl, beta=1.0):
    """A lower bound of log p(x): a VAE raises it, and its loss is therefore the negative.

        ELBO = E_q[ log p(x | z) ] - beta KL( q(z | x) || N(0, I) )

    One of the notes calls this the loss; minimising it would make reconstructions worse and the KL
    larger.

    Spec: AEN-17, AEN-18, MET-06, E-11

    >>> elbo(log_likelihood=-20.0, kl=4.0)
    -24.0
    """
    return log_likelihood - beta * kl


def optimal_discriminator(p_data, p_generator):
    """The best answer to "real or made?" where both densities are known.

        D*(x) = p_data(x) / (p_data(x) + p_g(x))

    Spec: GAN-01, GAN-09

    >>> float(optimal_discriminator(np.float64(0.375), 0.125))
    0.75
    """
    return p_data / (p_data + p_generator)


def minimax_value(d_real, d_fake):
    """What the discriminator raises and the generator lowers; the d are probabilities of "real".

        V(D, G) = E[ log D(x) ] + E[ log(1 - D(G(z))) ]

    Spec: GAN-01

    >>> round(float(minimax_value(0.5, 0.5)), 6)
    -1.386294
    """
    return np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake))


def discriminator_loss(d_real, d_fake, label_smoothing=0.0):
    """The cross-entropy of both answers; without smoothing, -V. Smoothed, it cannot reach 0.

        L_D = -E[ (1 - a) log D(x) + a log(1 - D(x)) ] - E[ log(1 - D(G(z))) ]

    Spec: GAN-02, GAN-21

    >>> round(float(discriminator_loss(np.float64(0.9), 0.0, label_smoothing=0.1)), 4)
    0.3251
    """
    smoothed = label_smoothing * (np.log(d_real) - np.log(1 - d_real)) if label_smoothing else 0.0
    return np.mean(smoothed) - minimax_value(d_real, d_fake)


def generator_loss(d_fake, saturating=False):
    """What the generator minimises. As in the game it saturates; turned round, it does not.

        saturating: E[ log(1 - D(G(z))) ]        non-saturating: -E[ log D(G(z)) ]

    Spec: GAN-03, GAN-04, GAN-08

    >>> [round(float(generator_loss(d)), 4) for d in (0.1, 0.5, 0.9)]
    [2.3026, 0.6931, 0.1054]
    """
    return np.mean(np.log(1 - d_fake)) if saturating else -np.mean(np.log(d_fake))


def generator_slope(d_fake, saturating=False):
    """The derivative of one sample's generator loss by the discriminator's logit.

        saturating: -D        non-saturating: -(1 - D)

    Spec: GAN-03, GAN-04, GAN-40

    >>> generator_slope(0.01, saturating=True), generator_slope(0.01)
    (-0.01, -0.99)
    """
    return -d_fake if saturating else -(1 - d_fake)


def modes_covered(points, centres, radius, share=0.01):
    """Whether each mode gets its part: at least `share` of the points within `radius` of it.

        covered_k = [ #{ i : ||x_i - c_k|| < r } >= s N ]

    A generator that covers only a few of them shows mode collapse. Batch normalization steadies
    training but does not prevent it, and can make the samples of a batch alike.

    Spec: GAN-27, MET-10, E-34, E-69

    >>> modes_covered(np.array([[0.0], [0.1], [2.0]]), np.array([[0.0], [5.0]]), 0.5).tolist()
    [True, False]
    """
    distances = np.linalg.norm(points[:, None] - centres, axis=-1)  # (points, modes)
    return np.mean(distances < radius, axis=0) >= share
