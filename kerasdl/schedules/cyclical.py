"""Cyclical learning rates."""

import keras

from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


@keras.saving.register_keras_serializable(package="kerasdl")
class Cyclical(Schedule):
    """Rise and fall linearly between two learning rates, repeatedly.

        eta_t = low + (high - low) x_t gamma^n

    x_t is the triangle wave from 0 to 1 and back in two half cycles; n counts steps or whole
    cycles. High learning rates escape from sharp minima, low ones converge in flat minima; the
    model at each low point is worth saving.

    Args:
        lowest: float, the learning rate at the start of each cycle.
        highest: float, the largest learning rate. A range test (`kerasdl.diagnosis.lr_find`) finds
            both.
        half_cycle: int, steps from the lowest to the highest, usually several epochs.
        factor: float, gamma, in (0, 1]. 1 is the "triangular" policy; below 1 with `per="step"` it
            is "exp_range", and 0.5 with `per="cycle"` is "triangular2".
        per: str, "step" or "cycle", what n counts.

    Example:
        >>> schedule = Cyclical(1e-4, 1e-2, half_cycle=100)
        >>> [round(float(schedule(step)), 5) for step in (0, 50, 100, 150, 200)]
        [0.0001, 0.00505, 0.01, 0.00505, 0.0001]

    Reference: Smith (2017), Cyclical Learning Rates for Training Neural Networks.
    """

    def __init__(
        self,
        lowest: float,
        highest: float,
        half_cycle: int,
        factor: float = 1.0,
        per: str = "step",
    ):
        checks.learning_rates(highest=highest)
        checks.numbers(above=0, limit=checks.MOST_STEPS, half_cycle=half_cycle)
        checks.numbers(above=0, limit=1, factor=factor)
        checks.choices(("step", "cycle"), per=per)
        holds = checks.is_number(lowest) and 0 <= lowest <= highest
        checks.check("lowest", lowest, holds, f"a number from 0 to `highest`, {highest}")
        self.lowest, self.highest = lowest, highest
        self.half_cycle = half_cycle
        self.factor = factor
        self.per = per

    def __call__(self, step):
        return self.lowest + (self.highest - self.lowest) * self.height(step)

    def height(self, step: int | Tensor) -> Tensor:
        """Return the height of the cycle in [0, 1], which `CycleMomentum` follows."""
        step = keras.ops.cast(step, "float32")
        half_cycles = step / self.half_cycle
        triangle = keras.ops.abs(half_cycles - 2 * keras.ops.floor(0.5 + half_cycles / 2))
        n = keras.ops.floor(half_cycles / 2) if self.per == "cycle" else step
        return triangle * keras.ops.power(self.factor, n)
