"""Training strategies: what a step sees, and how large it may be."""

import math

import numpy as np

from kerasdl.formulas.losses import binary_cross_entropy_with_logits


def teacher_forcing(y, start=1):
    """What a decoder reads while it learns: the right tokens, one step late.

        input = [start, y_1, ..., y_{T-1}]        L = -sum_t log p(y_t | y_<t)

    At inference the decoder reads its own predictions instead, which it has never seen: exposure
    bias. Teacher forcing lets a transformer learn all steps in parallel; a recurrent network still
    computes its states step by step.

    Spec: TRN-01, E-84

    >>> teacher_forcing(np.array([[5, 6, 7]])).tolist()
    [[1, 5, 6]]
    """
    return np.concatenate([np.full_like(y[:, :1], start), y[:, :-1]], axis=1)


def professor_forcing(forced, free):
    """A judge of states says whether the decoder was fed the truth; the decoder hides it.

        L_D = -log D(forced) - log(1 - D(free))        L_G = -log D(free)

    Both are logits of the judge; L_G adds to the decoder's own loss, and each trains its own.

    Spec: TRN-05

    >>> judge, decoder = professor_forcing(np.array([0.0]), np.array([0.0]))
    >>> round(float(judge), 4), round(float(decoder), 4)
    (1.3863, 0.6931)
    """
    judge = binary_cross_entropy_with_logits(1, forced) + binary_cross_entropy_with_logits(0, free)
    return judge, binary_cross_entropy_with_logits(1, free)


def scheduled_sampling(i, k=10.0):
    """How often a decoder still gets the true last token, not its own guess; 1: teacher forcing.

        eps_i = k / (k + e^(i / k))        inverse sigmoid

    One of the notes says that teacher forcing trains in parallel. A transformer does; a recurrent
    network still goes step by step.

    Spec: TRN-02, E-84

    >>> scheduled_sampling(np.array([0, 10, 50])).round(4).tolist()
    [0.9091, 0.7863, 0.0631]
    """
    return k / (k + np.exp(np.asarray(i) / k))


def scheduled_sampling_linear(i, slope=0.01, lowest=0.0):
    """The same along a line.

        eps_i = max(eps_min, 1 - c i)

    Spec: TRN-02

    >>> scheduled_sampling_linear(np.array([0, 50, 200])).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.maximum(lowest, 1 - slope * np.asarray(i))


def scheduled_sampling_exponential(i, k=0.99):
    """The same, a share less each time.

        eps_i = k^i        k < 1

    Spec: TRN-02

    >>> scheduled_sampling_exponential(np.array([0, 1, 2]), 0.5).tolist()
    [1.0, 0.5, 0.25]
    """
    return k ** np.asarray(i)


def curriculum(difficulty, stage, stages):
    """The examples of a stage, easy ones first: the easiest at first, all of them in the last.

        order = argsort(difficulty)[: ceil(N s / S)]        s = 1, ..., S

    Spec: TRN-03, TRN-04

    >>> curriculum(np.array([0.9, 0.1, 0.5]), stage=2, stages=3).tolist()
    [1, 2]
    """
    return np.argsort(difficulty, kind="stable")[: math.ceil(len(difficulty) * stage / stages)]


def accumulate(gradients):
    """What is applied once after several small batches of one size: the step of the large one.

        g = (1 / k) sum_i g_i

    BatchNorm still sees the small ones.

    Spec: OPT-16, TRN-12, RNN-11, RNN-37

    >>> accumulate(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [2.0, 3.0]
    """
    return np.mean(gradients, axis=0)


def linear_scaling(learning_rate, batch_size, base=256):
    """The rate for another batch size: k batches at once should move as far as one after another.

        eta_B = eta B / B_base

    It holds while gradients hardly change over k steps, which at first they do: warm up.

    Spec: TRN-17

    >>> linear_scaling(0.1, batch_size=1024)
    0.4
    """
    return learning_rate * batch_size / base


def through_half(gradient, scale=2.0**15):
    """A gradient that is computed in 16 bits: multiplied with the loss, so that it is not lost.

        g = float16(S g) / S

    Below 6e-8 float16 has only 0. Weights stay in 32 bits, for small steps would be lost too.

    Spec: TRN-11

    >>> [float(f"{through_half(1e-8, scale):.1e}") for scale in (1.0, 2.0**15)]
    [0.0, 1e-08]
    """
    return np.float16(gradient * scale).astype("float32") / scale


def loss_scale(scale, finite, steps, growth_steps=2000):
    """S for the next step, and the good steps in a row: half after an overflow, twice after many.

        S <- S / 2 if any gradient is inf or NaN (and no step is taken);  S <- 2 S after n good ones

    Spec: TRN-11

    >>> loss_scale(8.0, finite=False, steps=5), loss_scale(8.0, finite=True, steps=1999)
    ((4.0, 0), (16.0, 0))
    """
    if not finite:
        return scale / 2, 0
    return (scale * 2, 0) if steps + 1 == growth_steps else (scale, steps + 1)
