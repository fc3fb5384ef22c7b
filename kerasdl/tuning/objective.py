"""What a search tries to improve: a metric of the validation data."""

import dataclasses
import math

from kerasdl.errors import InvalidInput


@dataclasses.dataclass(frozen=True)
class Objective:
    """A metric that the recipe's task reports, and whether more or less of it is better."""

    metric: str
    direction: str  # "max" or "min", as KerasTuner has it

    def better(self, a: float, b: float) -> bool:
        return a > b if self.direction == "max" else a < b

    def best(self, values):
        return max(values) if self.direction == "max" else min(values)


def objective_of(bars: tuple, recipe, info) -> Objective:
    """The metric of the recipe's first bar; of numbers to predict, their squared error.

    Args:
        bars: Of the recipe as the catalog has it, which keeps them when other data are given.
        recipe: What is tuned.
        info: Of its data.
    """
    if recipe.task == "supervised" and not info.classes:
        return Objective("mse", "min")
    if recipe.task == "adversarial" and tuple(info.shape) != (8, 8, 1):
        expected = "digits of 8x8 pixels, whose classifier judges the samples"
        raise InvalidInput(f"data to tune `{recipe.name}` on", expected, recipe.data)
    return Objective(bars[0].metric, "max" if bars[0].at_least > -math.inf else "min")
