"""Diffusion: noise that is added little by little, and a network that takes it off again.

`betas[t]` is the variance of the noise that step t adds, counted from 0; `signal[t]` is what is
left of the image's variance after it.
"""

import numpy as np


def forward_step(x, beta, noise):
    """A little less image, a little more noise; a variance of 1 stays 1.

        x_t = sqrt(1 - b_t) x_{t-1} + sqrt(b_t) e        e ~ N(0, I)

    Denoising diffusion models of images are of 2020. DALL-E (2021) is not one of them: it is
    autoregressive and writes image tokens like a GPT. DALL-E 2 (2022) is a diffusion model.

    Spec: DIF-01, DIF-20, E-68, E-87

    >>> float(forward_step(10.0, 0.36, 0.5).round(6))
    8.3
    """
    return np.sqrt(1 - beta) * x + np.sqrt(beta) * noise


def linear_betas(steps=1000, lowest=1e-4, highest=0.02):
    """The first schedule: as much more noise in each step.

        b_t = b_1 + (t - 1) / (T - 1) (b_T - b_1)

    Spec: DIF-03

    >>> linear_betas(3).round(6).tolist()
    [0.0001, 0.01005, 0.02]
    """
    return np.linspace(lowest, highest, steps)


def signal_left(betas):
    """What is left of the image's variance after each step.

        s_t = prod_{k <= t} (1 - b_k)        in papers: alpha with a bar

    Spec: DIF-02

    >>> signal_left(linear_betas())[[0, 499, 999]].round(6).tolist()
    [0.9999, 0.078587, 4e-05]
    """
    return np.cumprod(1 - betas)


def cosine_signal(t, offset=0.008):
    """The second schedule, which does not spoil the image so soon; t is from 0 to 1.

        s(t) = f(t) / f(0)        f(t) = cos^2( (t + o) / (1 + o) pi / 2 )

    Spec: DIF-03

    >>> cosine_signal(np.array([0, 0.5, 1])).round(6).tolist()
    [1.0, 0.493844, 0.0]
    """

    def f(t):
        return np.cos((t + offset) / (1 + offset) * np.pi / 2) ** 2

    return f(np.asarray(t)) / f(0)


def cosine_betas(steps=1000, highest=0.999):
    """The steps of that schedule; the last would be 1, which leaves nothing to start from.

        b_t = min(1 - s((t + 1) / T) / s(t / T), 0.999)

    Spec: DIF-03

    >>> cosine_betas(2).round(6).tolist()
    [0.506156, 0.999]
    """
    signal = cosine_signal(np.arange(steps + 1) / steps)
    return np.minimum(1 - signal[1:] / signal[:-1], highest)


def noised(x, signal, noise):
    """All steps up to one at once: sums of normal numbers are normal.

        x_t = sqrt(s_t) x_0 + sqrt(1 - s_t) e

    Spec: DIF-02

    >>> float(noised(10.0, 0.64, 0.5).round(6))
    8.3
    """
    return np.sqrt(signal) * x + np.sqrt(1 - signal) * noise


def original(x, signal, noise):
    """The image, if the noise is known: it is enough to learn to see the noise.

        x_0 = (x_t - sqrt(1 - s_t) e) / sqrt(s_t)

    Spec: DIF-04

    >>> float(original(8.3, 0.64, 0.5).round(6))
    10.0
    """
    return (x - np.sqrt(1 - signal) * noise) / np.sqrt(signal)


def noise_loss(noise, predicted):
    """What the network lowers: how wrong it sees the noise. To see none costs 1 a number.

        L = mean (e - e_theta(x_t, t))^2

    Spec: DIF-05

    >>> float(noise_loss(np.array([1.0, -1.0]), np.zeros(2)))
    1.0
    """
    return np.mean((noise - predicted) ** 2)


def reverse_step(x, predicted, noise, t, betas, small=False):
    """One step back: some of the noise that was seen is taken off, and a little is put on again.

        x_{t-1} = (x_t - b_t / sqrt(1 - s_t) e_theta) / sqrt(1 - b_t) + sigma_t z
        sigma_t^2 = b_t, or, small, b_t (1 - s_{t-1}) / (1 - s_t); 0 in the last step

    Spec: DIF-06

    >>> float(reverse_step(1.0, 0.5, 9.0, 0, np.array([0.36])).round(6))
    0.875
    """
    signal, beta = signal_left(betas), betas[t]
    mean = (x - beta / np.sqrt(1 - signal[t]) * predicted) / np.sqrt(1 - beta)
    if t == 0:
        return mean
    variance = beta * (1 - signal[t - 1]) / (1 - signal[t]) if small else beta
    return mean + np.sqrt(variance) * noise


def time_embedding(t, width):
    """How far the noise has come, as sines and cosines, for the network to know: a U-Net.

        [sin(t w_0) ... sin(t w_k), cos(t w_0) ... cos(t w_k)]
        w_i = 10000^(-i / k)        k = width / 2 - 1, of a width of 4 or more

    Spec: DIF-07, E-02

    >>> time_embedding(np.array([1]), 4).round(4).tolist()
    [[0.8415, 0.0001, 0.5403, 1.0]]
    """
    half = width // 2
    angle = np.asarray(t)[:, None] * 10000.0 ** (-np.arange(half) / (half - 1))
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)


def guided(unconditional, conditional, weight=7.5):
    """Go where the prompt leads, and further: one network, which also learned without prompts.

        e = e_u + w (e_c - e_u)        w = 0: no prompt, 1: as learned, more: at the cost of variety

    The weights that one of the notes loads to show it, runwayml's, have been withdrawn.

    Spec: DIF-08, E-80

    >>> guided(1.0, 2.0)
    8.5
    """
    return unconditional + weight * (conditional - unconditional)


def keep_known(made, x, mask, signal, noise):
    """Filling a hole: after each step what is known is put back, as noisy as the rest.

        x_t <- m (sqrt(s_t) x_0 + sqrt(1 - s_t) e) + (1 - m) x_t        in the end s = 1

    Spec: DIF-17

    >>> keep_known(np.array([5.0, 6.0]), np.array([1.0, 2.0]), np.array([1, 0]), 1.0, 0.0).tolist()
    [1.0, 6.0]
    """
    return mask * noised(x, signal, noise) + (1 - mask) * made


def controlled(x, hint, block, copy, w_in, w_out):
    """ControlNet: a trained block stays as it is; its copy learns to heed a pose or an outline.

        y = F(x) + F'(x + hint W) W'        W = W' = 0 at first, so that nothing changes

    Spec: DIF-11

    >>> zero, one = np.zeros((1, 1)), np.ones((1, 1))
    >>> controlled(one, 5 * one, np.negative, np.negative, zero, zero).tolist()
    [[-1.0]]
    """
    return block(x) + copy(x + hint @ w_in) @ w_out
