"""Generative models: the ELBO that a VAE maximizes and the game that a GAN plays."""

import numpy as np


def reparameterize(
    mean: float | np.ndarray, log_variance: float | np.ndarray, noise: float | np.ndarray
) -> np.ndarray:
    """Reparameterization trick: sample N(m, s^2) with noise that depends on no parameter.

        z = m + s e        s = exp(log s^2 / 2)        e ~ N(0, I)

    Gradients can then pass through the sample.

    Args:
        mean: array, m.
        log_variance: array, log s^2.
        noise: array, standard normal numbers e.

    >>> float(reparameterize(1.0, np.log(4), 0.5))
    2.0

    Reference: Kingma and Welling, 2014.
    """
    return mean + np.exp(log_variance / 2) * noise


def kl_to_standard_normal(mean: float | np.ndarray, log_variance: float | np.ndarray) -> np.ndarray:
    """KL divergence of N(m, s^2) from N(0, I) in nats, summed over the last axis.

        KL = -1/2 sum( 1 + log s^2 - m^2 - s^2 )

    Args:
        mean: array (..., d), m.
        log_variance: array (..., d), log s^2.

    >>> float(kl_to_standard_normal(np.array([1.0, 0.0]), np.array([0.0, 0.0])))
    0.5

    Reference: Kingma and Welling, 2014.
    """
    return -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance), axis=-1)


def bernoulli_log_likelihood(x: float | np.ndarray, logits: float | np.ndarray) -> np.ndarray:
    """Log-likelihood of pixels in [0, 1] under a Bernoulli decoder, summed over the last axis.

        log p(x | z) = sum( x log p + (1 - x) log(1 - p) )        p = sigma(logit)

    Args:
        x: array (..., pixels).
        logits: array (..., pixels), the decoder's outputs.

    >>> round(float(bernoulli_log_likelihood(np.array([1.0, 0.0]), np.array([0.0, 0.0]))), 6)
    -1.386294
    """
    return np.sum(x * logits - np.logaddexp(0, logits), axis=-1)


def gaussian_log_likelihood(x: float | np.ndarray, mean: float | np.ndarray) -> np.ndarray:
    """Log-likelihood under a Gaussian decoder with variance 1, summed over the last axis.

        log p(x | z) = -sum( (x - m)^2 / 2 + log(2 pi) / 2 )

    The reconstruction loss follows from what x is: cross-entropy for values that are 0 or 1,
    squared error for any number.

    Args:
        x: array (..., numbers).
        mean: array (..., numbers), the decoder's outputs m.

    >>> round(float(gaussian_log_likelihood(np.array([1.0]), np.array([3.0]))), 6)
    -2.918939
    """
    return -np.sum((x - mean) ** 2 / 2 + np.log(2 * np.pi) / 2, axis=-1)


def elbo(
    log_likelihood: float | np.ndarray, kl: float | np.ndarray, beta: float = 1.0
) -> float | np.ndarray:
    """Evidence lower bound of log p(x), which a VAE maximizes.

        ELBO = E_q[ log p(x | z) ] - beta KL( q(z | x) || N(0, I) )

    The loss to minimize is therefore -ELBO = -log-likelihood + beta KL.

    Args:
        log_likelihood: array, E_q[ log p(x | z) ].
        kl: array, KL divergence of the posterior from the prior.
        beta: float, weight of the KL; above 1 it is a beta-VAE.

    >>> elbo(log_likelihood=-20.0, kl=4.0)
    -24.0

    Reference: Kingma and Welling, 2014; Higgins et al., 2017.
    """
    return log_likelihood - beta * kl


def optimal_discriminator(p_data: np.ndarray, p_generator: np.ndarray) -> np.ndarray:
    """Best possible discriminator if both densities are known.

        D*(x) = p_data(x) / (p_data(x) + p_g(x))

    Args:
        p_data: array, density of the data.
        p_generator: array, density of the generator.

    >>> float(optimal_discriminator(np.float64(0.375), 0.125))
    0.75

    Reference: Goodfellow et al., 2014.
    """
    return p_data / (p_data + p_generator)


def minimax_value(d_real: float | np.ndarray, d_fake: float | np.ndarray) -> np.floating:
    """Value of the GAN game: the discriminator maximizes it, the generator minimizes it.

        V(D, G) = E[ log D(x) ] + E[ log(1 - D(G(z))) ]

    Args:
        d_real: array, probabilities of "real" for real examples.
        d_fake: array, the same for generated ones.

    >>> round(float(minimax_value(0.5, 0.5)), 6)
    -1.386294

    Reference: Goodfellow et al., 2014.
    """
    return np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake))


def discriminator_loss(
    d_real: float | np.ndarray, d_fake: float | np.ndarray, label_smoothing: float = 0.0
) -> np.floating:
    """Discriminator loss: binary cross-entropy on real and generated examples.

        L_D = -E[ (1 - a) log D(x) + a log(1 - D(x)) ] - E[ log(1 - D(G(z))) ]

    Without smoothing it is -V; with smoothing it cannot reach 0.

    Args:
        d_real: array, probabilities of "real" for real examples.
        d_fake: array, the same for generated ones.
        label_smoothing: float, a: the label of real examples is 1 - a.

    >>> round(float(discriminator_loss(np.float64(0.9), 0.0, label_smoothing=0.1)), 4)
    0.3251
    """
    smoothed = label_smoothing * (np.log(d_real) - np.log(1 - d_real)) if label_smoothing else 0.0
    return np.mean(smoothed) - minimax_value(d_real, d_fake)


def generator_loss(d_fake: float | np.ndarray, saturating: bool = False) -> np.floating:
    """Generator loss, in the saturating form of the game or the non-saturating form of practice.

        saturating: E[ log(1 - D(G(z))) ]        non-saturating: -E[ log D(G(z)) ]

    Args:
        d_fake: array, probabilities of "real" for generated examples.
        saturating: bool, use the form of the game.

    >>> [round(float(generator_loss(d)), 4) for d in (0.1, 0.5, 0.9)]
    [2.3026, 0.6931, 0.1054]

    Reference: Goodfellow et al., 2014.
    """
    return np.mean(np.log(1 - d_fake)) if saturating else -np.mean(np.log(d_fake))


def generator_slope(d_fake: float | np.ndarray, saturating: bool = False) -> float | np.ndarray:
    """Derivative of one sample's generator loss with respect to the discriminator's logit.

        saturating: -D        non-saturating: -(1 - D)

    The saturating form has almost no gradient when the discriminator is sure that a sample is fake.

    Args:
        d_fake: array, probabilities D of "real".
        saturating: bool, use the form of the game.

    >>> generator_slope(0.01, saturating=True), generator_slope(0.01)
    (-0.01, -0.99)
    """
    return -d_fake if saturating else -(1 - d_fake)


def modes_covered(
    points: np.ndarray, centers: np.ndarray, radius: float, fraction: float = 0.01
) -> np.ndarray:
    """Which modes of the data a generator covers: those with enough points nearby.

        covered_k = [ #{ i : ||x_i - c_k|| < r } >= s N ]

    A generator that covers only a few of them shows mode collapse. Batch normalization steadies
    training but does not prevent it, and can make the samples of a batch alike.

    Args:
        points: array (points, d), generated examples.
        centers: array (modes, d), centers of the modes.
        radius: float, distance r within which a point belongs to a mode.
        fraction: float, fraction s of all points that a mode must have.

    >>> modes_covered(np.array([[0.0], [0.1], [2.0]]), np.array([[0.0], [5.0]]), 0.5).tolist()
    [True, False]
    """
    distances = np.linalg.norm(points[:, None] - centers, axis=-1)  # (points, modes)
    return np.mean(distances < radius, axis=0) >= fraction
