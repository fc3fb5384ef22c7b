"""A recipe's search space as KerasTuner's `HyperParameters`, and as a `HyperModel`."""

import itertools
from collections.abc import Sequence

import keras_tuner

from kerasdl import data, errors, recipes
from kerasdl.recipes import space
from kerasdl.recipes.recipe import Recipe
from kerasdl.runs import prepare
from kerasdl.utils import checks


def parameters_of(
    recipe: Recipe, info: data.Info | None = None, only: Sequence[str] = ()
) -> tuple[space.Parameter, ...]:
    """The hyperparameters to tune.

    Args:
        recipe: `Recipe`.
        info: `kerasdl.data.Info`; what is meaningless for this dataset is left out.
        only: names of hyperparameters; by default all of the recipe's space.
    """
    found = recipes.space_of(recipe)
    for name in only:
        errors.one_of("hyperparameter", name, [p.name for p in found])
    if info:
        holds = {"": True, "images": len(info.shape) == 3, "classes": bool(info.classes)}
        found = tuple(p for p in found if holds[p.needs])
    return tuple(p for p in found if not only or p.name in only)


def declare(hp: keras_tuner.HyperParameters, parameters, recipe: Recipe) -> dict:
    """Declare the parameters with the recipe's values as defaults; return the values of `hp`."""
    values = {}
    for p in parameters:
        default = p.start(recipe)
        if p.choices:
            values[p.name] = hp.Choice(p.name, [*p.labels], default=default)
        else:
            sampling = "log" if p.log else "linear"
            values[p.name] = hp.Float(p.name, p.low, p.high, sampling=sampling, default=default)
    return values


def positions(hp: keras_tuner.HyperParameters, values: dict) -> list[float]:
    """Each value as a number in [0, 1]: its cumulative probability, as KerasTuner models it."""
    return [float(p.value_to_prob(values[p.name])) for p in hp.space if p.name in values]


def grid(hp: keras_tuner.HyperParameters, values: int = 3) -> list[dict]:
    """All combinations of all choices and of `values` points of each range, ends included."""
    every = []
    for p in hp.space:
        if isinstance(p, keras_tuner.engine.hyperparameters.Choice):
            every.append([(p.name, choice) for choice in p.values])
        else:
            steps = [p.prob_to_value(i / (values - 1)) for i in range(values)]
            every.append([(p.name, step) for step in steps])
    return [dict(combination) for combination in itertools.product(*every)]


class RecipeHyperModel(keras_tuner.HyperModel):
    """A recipe's compiled model as a function of its search space, for KerasTuner's own tuners.

    Only hyperparameters of the model and its optimizer are tuned; batch size and augmentation
    belong to the data that `search` gets.

    Args:
        recipe: `Recipe`.
        splits: `kerasdl.data.Splits`, its data.
        only: names of hyperparameters; by default all.
    """

    def __init__(self, recipe: Recipe, splits: data.Splits, only: Sequence[str] = ()):
        checks.check("recipe", recipe, isinstance(recipe, Recipe), "a `kerasdl.recipes.Recipe`")
        checks.check("splits", splits, isinstance(splits, data.Splits), "what `load` returns")
        super().__init__(name=recipe.name)
        self.recipe, self.splits = recipe, splits
        found = parameters_of(recipe, splits.info, only)
        self.parameters = tuple(p for p in found if p.field not in ("batch_size", "augment"))

    def build(self, hp):
        values = declare(hp, self.parameters, self.recipe)
        recipe = space.change(self.recipe, self.parameters, values)
        task = prepare.task_for(recipe, self.splits.info)
        return prepare.compiled_model(recipe, task, int(self.splits.train.cardinality()))
