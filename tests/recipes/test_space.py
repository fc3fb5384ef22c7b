"""Search spaces: every recipe has one, and every value in it makes a valid model."""

import functools

import pytest

import kerasdl
from kerasdl import recipes, registry
from kerasdl.recipes import space
from kerasdl.runs import prepare


@functools.cache
def info(data, options):
    """Describe a dataset, which is loaded once for all recipes with the same options."""
    return kerasdl.data.load(data, **dict(options)).info


def corner(recipe, parameters, number):
    """Change each parameter to its n-th choice; a range alternates between its ends."""
    values = {}
    for p in parameters:
        choices = list(p.labels) or [p.low, p.high]
        values[p.name] = choices[number % len(choices)]
    return space.change(recipe, parameters, values)


@pytest.mark.rows("HPO-01")
@pytest.mark.parametrize("name", recipes.names())
def test_every_value_of_every_recipe_makes_a_model(name):
    recipe = recipes.get(name)
    parameters = recipes.space_of(recipe)
    assert {p.group for p in parameters} == set(space.GROUPS)
    assert len({p.name for p in parameters}) == len(parameters)
    known = info(recipe.data, tuple(recipe.data_options.items()))
    task = prepare.task_for(recipe, known)
    for number in range(max(len(p.choices) for p in parameters)):
        changed = corner(recipe, parameters, number)
        shape = known.shape
        if changed.image_size:
            shape = (changed.image_size, changed.image_size, 1)
        options = {**task.model_options(), **changed.model_options}
        if "input_shape" in options:
            options["input_shape"] = shape
        model = registry.create_model(changed.model, **options)
        prepare.compile_model(model, changed, task, steps=10)


@pytest.mark.parametrize("name", recipes.names())
def test_search_space_contains_the_recipe(name):
    recipe = recipes.get(name)
    parameters = recipes.space_of(recipe)
    start = {p.name: p.start(recipe) for p in parameters}
    again = space.change(recipe, parameters, start)
    for p in parameters:
        assert p.value(again) == space.plain(p.value(recipe))


def test_recipe_outside_of_the_usual_ranges_widens_them():
    recipe = recipes.get("mlp").replace(learning_rate=1e-6, batch_size=7)
    by_name = {p.name: p for p in recipes.space_of(recipe)}
    assert by_name["learning_rate"].low == 1e-6
    assert by_name["batch_size"].choices[-1] == 7
    assert by_name["widths"].start(recipe) == "256-128"
    changed = by_name["widths"].change(recipe, "64")
    assert changed.model_options == {"widths": (64,)} and changed.learning_rate == 1e-6
