"""The one-cycle schedule."""

import math

import keras

from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


@keras.saving.register_keras_serializable(package="kerasdl")
class OneCycle(Schedule):
    """Rise to a learning rate at which training could not have started, then fall to almost 0.

        high / start  ->  high in r T steps  ->  high / (start end) at step T, and after it

    The high learning rates regularize and save steps, the long decay lets the loss converge.
    `CycleMomentum` lowers the momentum meanwhile.

    Args:
        highest: float, the largest learning rate: about where the loss of a range test
            (`kerasdl.diagnosis.lr_find`) begins to rise.
        decay_steps: int, the number T of all training steps.
        rise: float, the fraction r of the steps in which the learning rate rises; below 0.5 with
            `three_phases`.
        start: float, the largest learning rate divided by the first.
        end: float, the first learning rate divided by the last.
        shape: str, "cosine" or "linear".
        three_phases: bool, whether the learning rate first returns to its first value, as fast as
            it rose, and only then falls to the last one.

    Example:
        >>> schedule = OneCycle(0.1, decay_steps=100)
        >>> [f"{float(schedule(step)):.2g}" for step in (0, 30, 65, 100, 500)]
        ['0.004', '0.1', '0.05', '4e-07', '4e-07']

    Reference: Smith, Topin (2018), Super-Convergence: Very Fast Training of Neural Networks Using
    Large Learning Rates.
    """

    def __init__(
        self,
        highest: float,
        decay_steps: int,
        rise: float = 0.3,
        start: float = 25.0,
        end: float = 1e4,
        shape: str = "cosine",
        three_phases: bool = False,
    ):
        checks.learning_rates(highest=highest)
        checks.numbers(above=0, limit=checks.MOST_STEPS, decay_steps=decay_steps)
        checks.numbers(above=0, limit=1e12, start=start, end=end)
        checks.choices(("cosine", "linear"), shape=shape)
        checks.flags(three_phases=three_phases)
        most = 0.5 if three_phases else 1.0
        holds = checks.is_number(rise) and 0 < rise < most
        checks.check("rise", rise, holds, f"a fraction between 0 and {most:g}")
        self.highest = highest
        self.decay_steps = decay_steps
        self.rise = rise
        self.start, self.end = start, end
        self.shape = shape
        self.three_phases = three_phases

    def __call__(self, step):
        first, middle = self.highest / self.start, self.highest
        last = first / self.end
        after = [first, last] if self.three_phases else [last]
        return self._interpolate(step, [first, middle, *after])

    def height(self, step: int | Tensor) -> Tensor:
        """Return the height of the cycle in [0, 1], which `CycleMomentum` follows."""
        heights = [0.0, 1.0, 0.0, 0.0] if self.three_phases else [0.0, 1.0, 0.0]
        return self._interpolate(step, heights)

    def _interpolate(self, step, values):
        """The value at a step between those at the turning points."""
        step = keras.ops.cast(step, "float32")
        turn = self.rise * self.decay_steps
        turns = [0.0, turn, 2 * turn, self.decay_steps]
        if not self.three_phases:
            del turns[2]
        found = values[-1]
        for i in reversed(range(len(values) - 1)):
            part = keras.ops.clip((step - turns[i]) / (turns[i + 1] - turns[i]), 0.0, 1.0)
            if self.shape == "cosine":
                part = 0.5 * (1.0 - keras.ops.cos(math.pi * part))
            value = values[i] + (values[i + 1] - values[i]) * part
            found = keras.ops.where(step < turns[i + 1], value, found)
        return found
