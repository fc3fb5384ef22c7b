"""One wave up and a longer one down."""

import math

import keras

from kerasdl import checks, errors
from kerasdl.errors import InvalidInput
from kerasdl.schedules.schedule import Schedule, positive


@keras.saving.register_keras_serializable(package="kerasdl")
class OneCycle(Schedule):
    """A rate that rises to a height at which training could not have begun, then falls to nothing.

    The height regularizes and saves steps; the long fall settles. `CycleMomentum` goes the other
    way round beside it.

    high / start -> high in r T steps -> high / (start end) at step T, and so on after it

    Args:
        highest: The peak; about where a range test's loss begins to rise.
        decay_steps: T, all steps of the training.
        rise: The part r of them that goes up.
        start: By how much the first rate is below the peak.
        end: By how much the last is below the first.
        shape: "cosine" or "linear".
        three_phases: Come back to the first rate as fast as the rise was, and only then go below.

    >>> rate = OneCycle(0.1, decay_steps=100)
    >>> [f"{float(rate(step)):.2g}" for step in (0, 30, 65, 100, 500)]
    ['0.004', '0.1', '0.05', '4e-07', '4e-07']

    Reference: Smith and Topin, Super-Convergence, 2018.
    """

    def __init__(
        self,
        highest,
        decay_steps,
        rise=0.3,
        start=25.0,
        end=1e4,
        shape="cosine",
        three_phases=False,
    ):
        positive(highest=highest, decay_steps=decay_steps, start=start, end=end)
        errors.one_of("value for argument `shape`", shape, ("cosine", "linear"))
        most = 0.5 if three_phases else 1.0
        is_number, _ = checks.ABOVE_ZERO
        if not is_number(rise) or rise >= most:
            raise InvalidInput("value for argument `rise`", f"a part between 0 and {most}", rise)
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
        return self._path(step, [first, middle, *after])

    def height(self, step):
        """How far up it is, from 0 to 1: `CycleMomentum` goes down by as much."""
        return self._path(step, [0.0, 1.0, 0.0, 0.0] if self.three_phases else [0.0, 1.0, 0.0])

    def _path(self, step, values):
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
            now = values[i] + (values[i + 1] - values[i]) * part
            found = keras.ops.where(step < turns[i + 1], now, found)
        return found
