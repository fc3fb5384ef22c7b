"""Inverse square root decay, the schedule of the original transformer."""

import keras

from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class InverseSquareRoot(Schedule):
    """Decay with the square root of the step.

        eta_t = eta_0 / sqrt(1 + t / T)

    It does not depend on the length of the training, which need not be known in advance. With a
    warm-up of T steps it is the schedule of "Attention Is All You Need":
    `WarmUp(InverseSquareRoot((width * T) ** -0.5, T), T)`.

    Args:
        initial_learning_rate: float, the learning rate eta_0 at step 0.
        decay_steps: int, the number T of steps after which eta_0 is divided by the square root
            of 2.

    Example:
        >>> schedule = InverseSquareRoot(0.1, decay_steps=100)
        >>> [round(float(schedule(step)), 3) for step in (0, 300, 9900)]
        [0.1, 0.05, 0.01]

    Reference: Vaswani et al. (2017), Attention Is All You Need.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int):
        checks.learning_rates(initial_learning_rate=initial_learning_rate)
        checks.numbers(above=0, limit=checks.MOST_STEPS, decay_steps=decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        return self.initial_learning_rate * keras.ops.rsqrt(1.0 + step / self.decay_steps)
