"""Diffusion: add noise in many small steps, and learn to remove it.

`betas[t]` is the variance of the noise added in step t, counted from 0. `signal[t]` is the fraction
of the image's variance that is left after it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


def forward_step(x: ArrayLike, beta: float, noise: ArrayLike) -> np.ndarray:
    """One step of the forward process: shrink the image slightly and add noise.

        x_t = sqrt(1 - b_t) x_{t-1} + sqrt(b_t) e        e ~ N(0, I)

    A variance of 1 stays 1. Denoising diffusion models of images date from 2020. DALL-E (2021) is
    not one of them: it is autoregressive and predicts image tokens like a GPT. DALL-E 2 (2022) is a
    diffusion model.

    Args:
        x: array, image of the step before.
        beta: float, variance b_t of the noise.
        noise: array like x, standard normal numbers e.

    >>> float(forward_step(10.0, 0.36, 0.5).round(6))
    8.3

    Reference: Ho et al., 2020.
    """
    return np.sqrt(1 - beta) * x + np.sqrt(beta) * noise


def linear_betas(steps: int = 1000, lowest: float = 1e-4, highest: float = 0.02) -> np.ndarray:
    """Linear noise schedule.

        b_t = b_1 + (t - 1) / (T - 1) (b_T - b_1)

    Args:
        steps: int, number T of steps.
        lowest: float, first variance.
        highest: float, last variance.

    >>> linear_betas(3).round(6).tolist()
    [0.0001, 0.01005, 0.02]

    Reference: Ho et al., 2020.
    """
    return np.linspace(lowest, highest, steps)


def signal_left(betas: float | np.ndarray) -> np.ndarray:
    """Fraction of the image's variance that is left after each step.

        s_t = prod_{k <= t} (1 - b_k)        in papers: alpha with a bar

    Args:
        betas: array (steps,), variances of the noise.

    >>> signal_left(linear_betas())[[0, 499, 999]].round(6).tolist()
    [0.9999, 0.078587, 4e-05]
    """
    return np.cumprod(1 - betas)


def cosine_signal(t: ArrayLike, offset: float = 0.008) -> np.ndarray:
    """Cosine schedule: it destroys the image later than the linear one.

        s(t) = f(t) / f(0)        f(t) = cos^2( (t + o) / (1 + o) pi / 2 )

    Args:
        t: array, progress from 0 to 1.
        offset: float, keeps the first steps from being too small.

    >>> cosine_signal(np.array([0, 0.5, 1])).round(6).tolist()
    [1.0, 0.493844, 0.0]

    Reference: Nichol and Dhariwal, 2021.
    """

    def f(t):
        return np.cos((t + offset) / (1 + offset) * np.pi / 2) ** 2

    return f(np.asarray(t)) / f(0)


def cosine_betas(steps: int = 1000, highest: float = 0.999) -> np.ndarray:
    """Variances of the steps of the cosine schedule, capped because the last would be 1.

        b_t = min(1 - s((t + 1) / T) / s(t / T), 0.999)

    Args:
        steps: int, number T of steps.
        highest: float, cap.

    >>> cosine_betas(2).round(6).tolist()
    [0.506156, 0.999]

    Reference: Nichol and Dhariwal, 2021.
    """
    signal = cosine_signal(np.arange(steps + 1) / steps)
    return np.minimum(1 - signal[1:] / signal[:-1], highest)


def noised(
    x: float | np.ndarray, signal: float | np.ndarray, noise: float | np.ndarray
) -> np.ndarray:
    """Closed form of the forward process: all steps up to one at once.

        x_t = sqrt(s_t) x_0 + sqrt(1 - s_t) e

    Sums of normal numbers are normal, so no loop is needed.

    Args:
        x: array, image x_0.
        signal: array or float, fraction s_t of the variance that is left.
        noise: array like x, standard normal numbers e.

    >>> float(noised(10.0, 0.64, 0.5).round(6))
    8.3
    """
    return np.sqrt(signal) * x + np.sqrt(1 - signal) * noise


def original(
    x: float | np.ndarray, signal: float | np.ndarray, noise: float | np.ndarray
) -> np.ndarray:
    """Recover the image from its noisy version and the noise.

        x_0 = (x_t - sqrt(1 - s_t) e) / sqrt(s_t)

    Predicting the noise is therefore enough.

    Args:
        x: array, noisy image x_t.
        signal: array or float, fraction s_t of the variance that is left.
        noise: array like x, noise e.

    >>> float(original(8.3, 0.64, 0.5).round(6))
    10.0
    """
    return (x - np.sqrt(1 - signal) * noise) / np.sqrt(signal)


def noise_loss(noise: float | np.ndarray, predicted: float | np.ndarray) -> np.floating:
    """Loss of a diffusion model: mean squared error of the predicted noise.

        L = mean (e - e_theta(x_t, t))^2

    Predicting zero costs about 1 per number.

    Args:
        noise: array, true noise e.
        predicted: array like noise, the network's prediction.

    >>> float(noise_loss(np.array([1.0, -1.0]), np.zeros(2)))
    1.0

    Reference: Ho et al., 2020.
    """
    return np.mean((noise - predicted) ** 2)


def reverse_step(
    x: np.ndarray,
    predicted: np.ndarray,
    noise: np.ndarray,
    t: int,
    betas: np.ndarray,
    small: bool = False,
) -> np.ndarray:
    """One DDPM sampling step: remove some of the predicted noise and add a little fresh noise.

        x_{t-1} = (x_t - b_t / sqrt(1 - s_t) e_theta) / sqrt(1 - b_t) + sigma_t z
        sigma_t^2 = b_t, or, small, b_t (1 - s_{t-1}) / (1 - s_t); 0 in the last step

    Args:
        x: array, noisy image x_t.
        predicted: array like x, predicted noise.
        noise: array like x, fresh standard normal numbers z.
        t: int, step, counted from 0; the last step, t = 0, adds no noise.
        betas: array (steps,), variances of the noise.
        small: bool, use the smaller of the two possible variances.

    >>> float(reverse_step(1.0, 0.5, 9.0, 0, np.array([0.36])).round(6))
    0.875

    Reference: Ho et al., 2020.
    """
    signal, beta = signal_left(betas), betas[t]
    mean = (x - beta / np.sqrt(1 - signal[t]) * predicted) / np.sqrt(1 - beta)
    if t == 0:
        return mean
    variance = beta * (1 - signal[t - 1]) / (1 - signal[t]) if small else beta
    return mean + np.sqrt(variance) * noise


def time_embedding(t: ArrayLike, width: int) -> np.ndarray:
    """Sinusoidal embedding of the time step, which tells the U-Net how noisy its input is.

        [sin(t w_0) ... sin(t w_k), cos(t w_0) ... cos(t w_k)]
        w_i = 10000^(-i / k)        k = width / 2 - 1, of a width of 4 or more

    Args:
        t: int array (batch,), time steps.
        width: int, length of the embedding, even and at least 4.

    >>> time_embedding(np.array([1]), 4).round(4).tolist()
    [[0.8415, 0.0001, 0.5403, 1.0]]
    """
    half = width // 2
    angle = np.asarray(t)[:, None] * 10000.0 ** (-np.arange(half) / (half - 1))
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)


def guided(
    unconditional: float | np.ndarray, conditional: float | np.ndarray, weight: float = 7.5
) -> float | np.ndarray:
    """Classifier-free guidance: extrapolate from the unconditional to the conditional prediction.

        e = e_u + w (e_c - e_u)        w = 0: no prompt, 1: as learned, more: at the cost of variety

    One network makes both predictions, because its labels are dropped at random in training.
    (Stable Diffusion's first weights, published by runwayml, have been withdrawn from the Hugging
    Face Hub.)

    Args:
        unconditional: array, noise predicted without a prompt, e_u.
        conditional: array, noise predicted with it, e_c.
        weight: float, w: 0 ignores the prompt, 1 is the trained model, more follows the prompt
            closely at the cost of variety.

    >>> guided(1.0, 2.0)
    8.5

    Reference: Ho and Salimans, 2022.
    """
    return unconditional + weight * (conditional - unconditional)


def keep_known(
    made: float | np.ndarray,
    x: float | np.ndarray,
    mask: float | np.ndarray,
    signal: float | np.ndarray,
    noise: float | np.ndarray,
) -> np.ndarray:
    """Inpainting: after each step, put the known pixels back at the current noise level.

        x_t <- m (sqrt(s_t) x_0 + sqrt(1 - s_t) e) + (1 - m) x_t        in the end s = 1

    Args:
        made: array, image after the step.
        x: array, known image x_0.
        mask: array, 1 where pixels are known, else 0.
        signal: array or float, fraction s_t of the variance that is left.
        noise: array, standard normal numbers e.

    >>> keep_known(np.array([5.0, 6.0]), np.array([1.0, 2.0]), np.array([1, 0]), 1.0, 0.0).tolist()
    [1.0, 6.0]

    Reference: Lugmayr et al., 2022.
    """
    return mask * noised(x, signal, noise) + (1 - mask) * made


def controlled(
    x: np.ndarray,
    hint: np.ndarray,
    block: Callable,
    copy: Callable,
    w_in: np.ndarray,
    w_out: np.ndarray,
) -> np.ndarray:
    """ControlNet: a frozen block plus a trainable copy that also sees a hint, such as edges.

        y = F(x) + F'(x + hint W) W'        W = W' = 0 at first, so nothing changes

    Args:
        x: array (..., channels).
        hint: array (..., hint channels).
        block: function F, frozen.
        copy: function F', trained.
        w_in: array, W.
        w_out: array, W'.

    >>> zero, one = np.zeros((1, 1)), np.ones((1, 1))
    >>> controlled(one, 5 * one, np.negative, np.negative, zero, zero).tolist()
    [[-1.0]]

    Reference: Zhang et al., 2023.
    """
    return block(x) + copy(x + hint @ w_in) @ w_out
