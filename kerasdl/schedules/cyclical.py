"""Up and down for ever."""

import keras

from kerasdl import checks, errors
from kerasdl.errors import InvalidInput
from kerasdl.schedules.schedule import Schedule, positive

PER = ("step", "cycle")


@keras.saving.register_keras_serializable(package="kerasdl")
class Cyclical(Schedule):
    """A rate that goes up and down between two ends along lines, and never stops.

    High rates leave sharp valleys and low ones settle; what is found at each low point can be kept.

    eta_t = low + (high - low) x_t gamma^n

    x is the triangle from 0 to 1 and back in two half cycles; n counts steps or whole cycles.

    Args:
        lowest, highest: The ends. A range test finds them.
        half_cycle: Steps from one to the other; some epochs.
        factor: What peaks are multiplied by. 1 is "triangular"; below 1, per step, "exponential
            range"; 0.5 per cycle "triangular2".
        per: "step" or "cycle".

    >>> rate = Cyclical(1e-4, 1e-2, half_cycle=100)
    >>> [round(float(rate(step)), 5) for step in (0, 50, 100, 150, 200)]
    [0.0001, 0.00505, 0.01, 0.00505, 0.0001]

    Reference: Smith, Cyclical Learning Rates for Training Neural Networks, 2017.
    """

    def __init__(self, lowest, highest, half_cycle, factor=1.0, per="step"):
        positive(highest=highest, half_cycle=half_cycle, factor=factor)
        errors.one_of("value for argument `per`", per, PER)
        is_number, _ = checks.WEIGHT
        if not is_number(lowest) or lowest > highest:
            raise InvalidInput("value for argument `lowest`", f"0 to `highest`, {highest}", lowest)
        self.lowest, self.highest = lowest, highest
        self.half_cycle = half_cycle
        self.factor = factor
        self.per = per

    def __call__(self, step):
        return self.lowest + (self.highest - self.lowest) * self.height(step)

    def height(self, step):
        """How far up it is, from 0 to 1: `CycleMomentum` goes down by as much."""
        step = keras.ops.cast(step, "float32")
        half_cycles = step / self.half_cycle
        triangle = keras.ops.abs(half_cycles - 2 * keras.ops.floor(0.5 + half_cycles / 2))
        shrinks = keras.ops.floor(half_cycles / 2) if self.per == "cycle" else step
        return triangle * keras.ops.power(self.factor, shrinks)
