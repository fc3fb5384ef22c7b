"""Inverse sigmoid decay, for scheduled sampling."""

import keras

from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class InverseSigmoid(Schedule):
    """Decay from almost 1 to 0 along a sigmoid, with 1/2 at step k ln k.

        eps_i = k / (k + e^(i / k))

    In scheduled sampling it is the probability with which a decoder reads the true token instead of
    the one that it predicted.

    Args:
        decay_steps: float, k, at least 1.

    Example:
        >>> probability = InverseSigmoid(decay_steps=10)
        >>> [round(float(probability(step)), 4) for step in (0, 10, 50)]
        [0.9091, 0.7863, 0.0631]

    Reference: Bengio, Vinyals, Jaitly, Shazeer (2015), Scheduled Sampling for Sequence Prediction
    with Recurrent Neural Networks.
    """

    def __init__(self, decay_steps: float):
        checks.numbers(at_least=1, limit=checks.MOST_STEPS, decay_steps=decay_steps)
        self.decay_steps = decay_steps

    def __call__(self, step):
        growth = keras.ops.exp(keras.ops.cast(step, "float32") / self.decay_steps)
        return self.decay_steps / (self.decay_steps + growth)
