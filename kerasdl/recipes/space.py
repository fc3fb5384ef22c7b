"""The search space of a recipe: its hyperparameters, each with choices or a range."""

import dataclasses
import inspect

from kerasdl import registry
from kerasdl.utils import checks

GROUPS = ("architecture", "learning", "regularization", "training")


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    Args:
        group: str, its kind: one of `GROUPS`.
        field: str, the field of a `Recipe` that it sets, or a part of one such as
            `model_options.dropout`.
        choices: tuple, its values; without it, the parameter has a range.
        low: float, the lower end of the range.
        high: float, the upper end.
        log: bool, whether to search on a logarithmic scale, as for learning rates.
        needs: str, "images" or "classes" if it is meaningless for other data.
    """

    group: str
    field: str
    choices: tuple = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    needs: str = ""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checks.plain(getattr(self, field.name)))
        checks.choices(GROUPS, group=self.group)
        checks.texts(field=self.field)
        checks.choices(("", "images", "classes"), needs=self.needs)
        checks.flags(log=self.log)
        listed = isinstance(self.choices, (tuple, list))
        checks.check("choices", self.choices, listed, "a tuple of values")
        object.__setattr__(self, "choices", tuple(self.choices))
        checks.numbers(low=self.low)
        checks.numbers(high=self.high, at_least=self.low)
        if self.log:
            checks.numbers(low=self.low, above=0)

    @property
    def name(self) -> str:
        """The last part of the field."""
        return self.field.rpartition(".")[2]

    @property
    def is_of_model(self) -> bool:
        """Whether the parameter has a meaning for the recipe's own model alone."""
        return self.group == "architecture" or self.field.startswith("model_options.")

    @property
    def labels(self) -> dict:
        """The choices by their labels in tables: numbers as they are, others as words."""
        if all(type(choice) in (int, float) for choice in self.choices):
            return {choice: choice for choice in self.choices}
        return {_label(choice): choice for choice in self.choices}

    def value(self, recipe):
        """Return the recipe's value, or else the model's default."""
        part, _, name = self.field.rpartition(".")
        if not part:
            return getattr(recipe, name)
        given = getattr(recipe, part)
        if name in given:
            return given[name]
        return _default(recipe.model, name) if part == "model_options" else 0.0

    def start(self, recipe):
        """Return the recipe's value as a label, or as a number within the range."""
        value = self.value(recipe)
        if self.choices:
            return next(k for k, choice in self.labels.items() if choice == plain(value))
        return min(max(value, self.low), self.high)

    def including(self, recipe) -> "Parameter":
        """Return the parameter with the recipe's value added to its choices or range."""
        value = plain(self.value(recipe))
        if self.choices:
            known = value in self.choices
            return self if known else dataclasses.replace(self, choices=(*self.choices, value))
        if self.log and value <= 0:
            return self
        low, high = min(self.low, value), max(self.high, value)
        return dataclasses.replace(self, low=low, high=high)

    def change(self, recipe, label):
        """Return the recipe with this value."""
        value = self.labels[label] if self.choices else label
        part, _, name = self.field.rpartition(".")
        if not part:
            return dataclasses.replace(recipe, **{name: value})
        return dataclasses.replace(recipe, **{part: {**getattr(recipe, part), name: value}})


def change(recipe, parameters: tuple[Parameter, ...], values: dict):
    """Return the recipe with new values, or their labels, of some parameters."""
    for parameter in parameters:
        if parameter.name in values:
            recipe = parameter.change(recipe, values[parameter.name])
    return recipe


def plain(value):
    """Return a value as in the choices: lists, which JSON makes of tuples, become tuples."""
    return tuple(value) if isinstance(value, list) else value


def _label(choice):
    if isinstance(choice, tuple):
        return "-".join(map(str, choice))
    return {None: "own", False: "none"}.get(choice, str(choice))


def _default(model, option):
    entry = registry.entries()[model]
    if option in entry.options:
        return entry.options[option]
    make = entry.load()
    return inspect.signature(getattr(make, "create", make)).parameters[option].default


def learning_rate(low: float, high: float, field: str = "learning_rate") -> Parameter:
    return Parameter("learning", field, low=low, high=high, log=True)


def warmup(high: float) -> Parameter:
    return Parameter("learning", "warmup", low=0.0, high=high)


def weight_decay(low: float, high: float) -> Parameter:
    return Parameter("regularization", "weight_decay", low=low, high=high, log=True)


def dropout(high: float) -> Parameter:
    return Parameter("regularization", "model_options.dropout", low=0.0, high=high)


def batch_size(*sizes: int) -> Parameter:
    return Parameter("training", "batch_size", sizes)


def model_option(option: str, *choices) -> Parameter:
    return Parameter("architecture", f"model_options.{option}", choices)
