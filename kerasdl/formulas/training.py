"""Training strategies: teacher forcing, curricula, gradient accumulation, mixed precision."""

import math

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.losses import binary_cross_entropy_with_logits


def teacher_forcing(y: np.ndarray, start: int = 1) -> np.ndarray:
    """Inputs of a decoder in training: the true tokens, shifted by one step.

        input = [start, y_1, ..., y_{T-1}]        L = -sum_t log p(y_t | y_<t)

    At inference the decoder reads its own predictions instead, which it has never seen: exposure
    bias. Teacher forcing lets a transformer learn all steps in parallel; a recurrent network still
    computes its states step by step.

    Args:
        y: int array (batch, time), true tokens.
        start: int, token before the first.

    >>> teacher_forcing(np.array([[5, 6, 7]])).tolist()
    [[1, 5, 6]]

    Reference: Williams and Zipser, 1989.
    """
    return np.concatenate([np.full_like(y[:, :1], start), y[:, :-1]], axis=1)


def professor_forcing(
    forced: float | np.ndarray, free: float | np.ndarray
) -> tuple[np.floating, np.floating]:
    """Losses of professor forcing: a discriminator tells teacher-forced from free-running states.

        L_D = -log D(forced) - log(1 - D(free))        L_G = -log D(free)

    L_G is added to the decoder's own loss; each network trains on its own loss.

    Args:
        forced: array, logits of the discriminator for teacher-forced states.
        free: array, its logits for free-running states.

    >>> judge, decoder = professor_forcing(np.array([0.0]), np.array([0.0]))
    >>> round(float(judge), 4), round(float(decoder), 4)
    (1.3863, 0.6931)

    Reference: Lamb et al., 2016.
    """
    judge = binary_cross_entropy_with_logits(1, forced) + binary_cross_entropy_with_logits(0, free)
    return judge, binary_cross_entropy_with_logits(1, free)


def scheduled_sampling(i: ArrayLike, k: float = 10.0) -> np.ndarray:
    """Probability of feeding the true token, by inverse sigmoid decay; 1 is teacher forcing.

        eps_i = k / (k + e^(i / k))        inverse sigmoid

    A recurrent network still goes step by step; a transformer needs another pass for its own
    predictions.

    Args:
        i: array, training steps.
        k: float, speed of the decay; larger is slower.

    >>> scheduled_sampling(np.array([0, 10, 50])).round(4).tolist()
    [0.9091, 0.7863, 0.0631]

    Reference: Bengio et al., 2015.
    """
    return k / (k + np.exp(np.asarray(i) / k))


def scheduled_sampling_linear(i: ArrayLike, slope: float = 0.01, lowest: float = 0.0) -> np.ndarray:
    """Probability of feeding the true token, by linear decay.

        eps_i = max(eps_min, 1 - c i)

    Args:
        i: array, training steps.
        slope: float, c.
        lowest: float, eps_min.

    >>> scheduled_sampling_linear(np.array([0, 50, 200])).tolist()
    [1.0, 0.5, 0.0]

    Reference: Bengio et al., 2015.
    """
    return np.maximum(lowest, 1 - slope * np.asarray(i))


def scheduled_sampling_exponential(i: ArrayLike, k: float = 0.99) -> np.ndarray:
    """Probability of feeding the true token, by exponential decay.

        eps_i = k^i        k < 1

    Args:
        i: array, training steps.
        k: float, factor of a step, below 1.

    >>> scheduled_sampling_exponential(np.array([0, 1, 2]), 0.5).tolist()
    [1.0, 0.5, 0.25]

    Reference: Bengio et al., 2015.
    """
    return k ** np.asarray(i)


def curriculum(difficulty: np.ndarray, stage: int, stages: int) -> np.ndarray:
    """Curriculum learning: indices of a stage's examples, easiest first.

        order = argsort(difficulty)[: ceil(N s / S)]        s = 1, ..., S

    The last stage has all examples.

    Args:
        difficulty: array (examples,).
        stage: int, s, from 1.
        stages: int, S.

    >>> curriculum(np.array([0.9, 0.1, 0.5]), stage=2, stages=3).tolist()
    [1, 2]

    Reference: Bengio et al., 2009.
    """
    return np.argsort(difficulty, kind="stable")[: math.ceil(len(difficulty) * stage / stages)]


def accumulate(gradients: float | np.ndarray) -> np.ndarray:
    """Gradient accumulation: the mean gradient of several small batches of equal size.

        g = (1 / k) sum_i g_i

    One update with it equals an update with the large batch, except that BatchNorm still sees small
    ones.

    Args:
        gradients: array (batches, ...).

    >>> accumulate(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [2.0, 3.0]
    """
    return np.mean(gradients, axis=0)


def linear_scaling(learning_rate: float, batch_size: int, base: int = 256) -> float:
    """Linear scaling rule: learning rate for another batch size.

        eta_B = eta B / B_base

    One step with a k times larger batch should move as far as k small steps. This holds while
    gradients hardly change over k steps, which is not so at first: warm up.

    Args:
        learning_rate: float, eta for the base batch size.
        batch_size: int, B.
        base: int, batch size for which eta was chosen.

    >>> linear_scaling(0.1, batch_size=1024)
    0.4

    Reference: Goyal et al., 2017.
    """
    return learning_rate * batch_size / base


def through_half(gradient: float | np.ndarray, scale: float = 2.0**15) -> np.ndarray:
    """Gradient computed in float16 with loss scaling, so that small values survive.

        g = float16(S g) / S

    Below 6e-8 float16 has only 0. Weights stay in float32, because small updates would be lost too.

    Args:
        gradient: array, true gradient g.
        scale: float, loss scale S.

    >>> [float(f"{through_half(1e-8, scale):.1e}") for scale in (1.0, 2.0**15)]
    [0.0, 1e-08]

    Reference: Micikevicius et al., 2018.
    """
    return np.float16(gradient * scale).astype("float32") / scale


def loss_scale(
    scale: float, finite: bool, steps: int, growth_steps: int = 2000
) -> tuple[float, int]:
    """Dynamic loss scale for the next step, and the number of finite steps in a row.

        S <- S / 2 if any gradient is inf or NaN (no update);  S <- 2 S after n finite steps

    Args:
        scale: float, S.
        finite: bool, whether all gradients of the step were finite.
        steps: int, finite steps so far.
        growth_steps: int, n.

    >>> loss_scale(8.0, finite=False, steps=5), loss_scale(8.0, finite=True, steps=1999)
    ((4.0, 0), (16.0, 0))

    Reference: Micikevicius et al., 2018.
    """
    if not finite:
        return scale / 2, 0
    return (scale * 2, 0) if steps + 1 == growth_steps else (scale, steps + 1)
