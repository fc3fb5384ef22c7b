"""A share that stays near 1, then falls to 0: how often a decoder still reads the truth."""

import keras

from kerasdl import checks
from kerasdl.errors import InvalidInput
from kerasdl.schedules.schedule import Schedule


@keras.saving.register_keras_serializable(package="kerasdl")
class InverseSigmoid(Schedule):
    """The decay of scheduled sampling; half is reached at step k ln k.

    eps_i = k / (k + e^(i / k))

    Args:
        decay_steps: k, at least 1.

    >>> share = InverseSigmoid(decay_steps=10)
    >>> [round(float(share(step)), 4) for step in (0, 10, 50)]
    [0.9091, 0.7863, 0.0631]

    Spec: TRN-02
    Reference: Bengio et al., Scheduled Sampling for Sequence Prediction with Recurrent Neural
        Networks, 2015.
    """

    def __init__(self, decay_steps):
        is_number, _ = checks.ABOVE_ZERO
        if not is_number(decay_steps) or decay_steps < 1:
            expected = "a number of at least 1"
            raise InvalidInput("value for argument `decay_steps`", expected, repr(decay_steps))
        self.decay_steps = decay_steps

    def __call__(self, step):
        grown = keras.ops.exp(keras.ops.cast(step, "float32") / self.decay_steps)
        return self.decay_steps / (self.decay_steps + grown)
