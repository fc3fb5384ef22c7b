"""What may be tuned of each recipe: its search space, a table beside the catalog.

Spec: HPO-01
"""

import dataclasses
import inspect

from kerasdl import registry
from kerasdl.recipes.recipe import Recipe

GROUPS = ("architecture", "learning", "regularisation", "training")


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One hyper-parameter: choices, or a range.

    Args:
        group: Of what kind it is: one of `GROUPS`.
        field: What it sets of a `Recipe`; `model_options.dropout` is a part of a field.
        choices: Its values; or else
        low, high: both ends of a range.
        log: Whether the logarithm is uniform, as rates want it.
        needs: "images" or "classes", where it means nothing for other data.
    """

    group: str
    field: str
    choices: tuple = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    needs: str = ""

    @property
    def name(self) -> str:
        return self.field.rpartition(".")[2]

    @property
    def labels(self) -> dict:
        """Choices by what a table shows of them: numbers as they are, else words."""
        if all(type(choice) in (int, float) for choice in self.choices):
            return {choice: choice for choice in self.choices}
        return {_word(choice): choice for choice in self.choices}

    def value(self, recipe: Recipe):
        """What the recipe, or else the model's default, says."""
        part, _, name = self.field.rpartition(".")
        if not part:
            return getattr(recipe, name)
        given = getattr(recipe, part)
        if name in given:
            return given[name]
        return _default(recipe.model, name) if part == "model_options" else 0.0

    def start(self, recipe: Recipe):
        """The recipe's own value as a label or a number of the range."""
        value = self.value(recipe)
        if self.choices:
            return next(k for k, choice in self.labels.items() if choice == _plain(value))
        return min(max(value, self.low), self.high)

    def including(self, recipe: Recipe) -> "Parameter":
        """The same with the recipe's own value among the choices, or within the range."""
        value = _plain(self.value(recipe))
        if self.choices:
            known = value in self.choices
            return self if known else dataclasses.replace(self, choices=(*self.choices, value))
        if self.log and value <= 0:
            return self
        low, high = min(self.low, value), max(self.high, value)
        return dataclasses.replace(self, low=low, high=high)

    def change(self, recipe: Recipe, label) -> Recipe:
        """The recipe with this value."""
        value = self.labels[label] if self.choices else label
        part, _, name = self.field.rpartition(".")
        if not part:
            return dataclasses.replace(recipe, **{name: value})
        return dataclasses.replace(recipe, **{part: {**getattr(recipe, part), name: value}})


def _word(choice):
    if isinstance(choice, tuple):
        return "-".join(map(str, choice))
    return {None: "own", False: "none"}.get(choice, str(choice))


def _plain(value):
    return tuple(value) if isinstance(value, list) else value


def _default(model, option):
    entry = registry.entries()[model]
    if option in entry.options:
        return entry.options[option]
    make = entry.load()
    return inspect.signature(getattr(make, "create", make)).parameters[option].default


def _rate(low, high, field="learning_rate"):
    return Parameter("learning", field, low=low, high=high, log=True)


def _warmup(high):
    return Parameter("learning", "warmup", low=0.0, high=high)


def _decay(low, high):
    return Parameter("regularisation", "weight_decay", low=low, high=high, log=True)


def _dropout(high):
    return Parameter("regularisation", "model_options.dropout", low=0.0, high=high)


def _batch(*sizes):
    return Parameter("training", "batch_size", sizes)


def _model(option, *choices):
    return Parameter("architecture", f"model_options.{option}", choices)


CLASSIFIER = (
    _rate(1e-4, 3e-2),
    _warmup(6.0),
    _decay(1e-4, 0.3),
    Parameter("regularisation", "task_options.label_smoothing", low=0.0, high=0.2, needs="classes"),
    _batch(16, 32, 64, 128),
    Parameter("training", "augment", (False, "light"), needs="images"),
)
CODER = (
    _model("widths", (128, 128), (256, 256), (512, 256), (512, 512)),
    _model("activation", "relu", "silu"),
    _rate(3e-4, 2e-2),
    _warmup(8.0),
    _decay(1e-4, 0.3),
    _batch(16, 32, 64),
)
LANGUAGE = (_rate(3e-4, 2e-2), _warmup(1.0), _decay(1e-3, 0.5), _dropout(0.3), _batch(16, 32, 64))
FULL = _dropout(0.6)  # of wide dense layers

# the first parameters of a space are those of the architecture
SPACES = {
    "se_resnet_tiny": (
        _model("depths", (1, 1, 1), (1, 1), (2, 1, 1), (2, 2, 2)),
        _model("width", 8, 16, 24, 32),
        _model("se_ratio", 2, 4, 8),
        *CLASSIFIER,
    ),
    "densenet_tiny": (
        _model("depths", (2, 2, 2), (3, 3, 3), (4, 4), (4, 4, 4)),
        _model("growth_rate", 8, 12, 16, 24),
        *CLASSIFIER,
    ),
    "resnet20": (
        _model("depths", (1, 1, 1), (2, 2, 2), (3, 3, 3)),
        _model("width", 8, 16, 24),
        *CLASSIFIER,
    ),
    "simple_cnn": (
        _model("widths", (16, 32, 64), (32, 64), (32, 64, 128), (64, 128)),
        _model("units", 64, 128, 256, 512),
        FULL,
        *CLASSIFIER,
    ),
    # the network of 1998 is what it is: only how large its maps are is free
    "lenet5": (Parameter("architecture", "image_size", (None, 32, 40)), *CLASSIFIER),
    "alexnet_tiny": (
        _model("widths", (16, 32, 48, 48, 32), (32, 64, 96, 96, 64), (64, 128, 192, 192, 128)),
        _model("units", 64, 128, 256),
        FULL,
        *CLASSIFIER,
    ),
    "vgg_tiny": (
        _model("depths", (1, 1, 1), (1, 1, 2), (2, 2, 2)),
        _model("widths", (16, 32, 64), (32, 64, 128)),
        _model("units", 64, 128, 256),
        FULL,
        *CLASSIFIER,
    ),
    "mlp": (
        _model("widths", (64,), (128, 64), (256, 128), (512, 256), (256, 128, 64)),
        FULL,
        *CLASSIFIER,
    ),
    "autoencoder": CODER,
    "vae": CODER,
    "dcgan": (
        _model("width", 32, 64, 96),
        _rate(1e-4, 5e-3),
        _rate(1e-4, 5e-3, "task_options.discriminator_rate"),
        Parameter("regularisation", "model_options.label_smoothing", low=0.0, high=0.2),
        _dropout(0.4),
        _batch(16, 32, 64),
    ),
    # widths are multiples of its five heads
    "gpt_tiny": (_model("width", 80, 120, 160, 200), _model("depth", 2, 3, 4), *LANGUAGE),
    "lstm_lm": (_model("width", 128, 192, 256), _model("depth", 1, 2), *LANGUAGE),
}


def space(recipe: Recipe) -> tuple[Parameter, ...]:
    """The search space of a recipe, its own values included."""
    return tuple(parameter.including(recipe) for parameter in SPACES[recipe.name])


def change(recipe: Recipe, parameters: tuple[Parameter, ...], values: dict) -> Recipe:
    """The recipe with a value, or a label of one, for each of some parameters."""
    for parameter in parameters:
        if parameter.name in values:
            recipe = parameter.change(recipe, values[parameter.name])
    return recipe
