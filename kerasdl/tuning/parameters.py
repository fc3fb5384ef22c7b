"""A recipe's search space as KerasTuner's `HyperParameters`."""

import itertools

import keras_tuner

from kerasdl import errors
from kerasdl.recipes import spaces
from kerasdl.recipes.recipe import Recipe


def parameters_of(recipe: Recipe, info=None, only=()) -> tuple[spaces.Parameter, ...]:
    """What is tuned: the recipe's space without what means nothing for its data.

    Args:
        info: Of the data; `None` leaves nothing out.
        only: Names, where not all are to be tuned.
    """
    found = spaces.space(recipe)
    for name in only:
        errors.one_of("hyper-parameter", name, [p.name for p in found])
    if info:
        holds = {"": True, "images": len(info.shape) == 3, "classes": bool(info.classes)}
        found = tuple(p for p in found if holds[p.needs])
    return tuple(p for p in found if not only or p.name in only)


def declare(hp: keras_tuner.HyperParameters, parameters, recipe: Recipe) -> dict:
    """Declare the parameters, the recipe's own values as defaults: the values that `hp` has."""
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
    """Each value as a number in [0, 1]: its probability, as KerasTuner's models see it."""
    return [float(p.value_to_prob(values[p.name])) for p in hp.space if p.name in values]


def grid(hp: keras_tuner.HyperParameters, values: int = 3) -> list[dict]:
    """Every combination of all choices, and of so many values of each range, ends included."""
    every = []
    for p in hp.space:
        if isinstance(p, keras_tuner.engine.hyperparameters.Choice):
            every.append([(p.name, choice) for choice in p.values])
        else:
            steps = [p.prob_to_value(i / (values - 1)) for i in range(values)]
            every.append([(p.name, step) for step in steps])
    return [dict(combination) for combination in itertools.product(*every)]
