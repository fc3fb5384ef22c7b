"""Recipes: every field refuses invalid values, and any data are trained on or refused."""

import dataclasses
import json

import numpy as np
import pytest

import kerasdl.data
from kerasdl import recipes
from kerasdl.data import catalog
from kerasdl.errors import InvalidInput
from kerasdl.recipes import Bar
from kerasdl.runs import prepare
from tests.properties.common import check_message
from tests.properties.test_data import SMALL

NAN, INFINITY, HUGE = float("nan"), float("inf"), 10**400
OTHERS = ["x", "", True, (), [], b"x", object()]
COUNT = [0, -1, 2.5, NAN, INFINITY, 1e300, 2**31, HUGE, "3", np.float32(2.5), *OTHERS]
NUMBER = [-1, -1e-9, NAN, INFINITY, -INFINITY, 1e300, HUGE, "0.1", np.float32("nan"), *OTHERS]
TEXT = [0, 2.5, "", True, (), ["a"], {}, b"x"]
OPTIONS = ["x", 3, True, [1], (), {1: 2}, {"a": NAN}, {"a": object()}, {"a": {1, 2}}]
WRONG = {
    "name": [*TEXT, "../other", "a/b", "nul\0", " "],
    "summary": [0, 2.5, True, (), b"x"],
    "task": [*TEXT, "no_such"],
    "model": [*TEXT, "no_such"],
    "data": [*TEXT],
    "epochs": COUNT,
    "bars": ["x", 3, True, {}, ["accuracy"], (("accuracy", 0.9),), Bar("accuracy", 0.9)],
    "batch_size": COUNT,
    "augment": [0, 1, 2.5, "no_such", "", (), {}, b"x"],
    "learning_rate": [0, *NUMBER],
    "warmup": NUMBER,
    "weight_decay": [1000.0, *NUMBER],
    "optimizer": [*TEXT, "sgd", "Muon"],
    "patience": COUNT,
    "start": [0, 2.5, True, (), {}],
    "freeze": TEXT,
    "head_epochs": COUNT,
    "steps_per_execution": [10**6, *COUNT],
    "dtype_policy": [*TEXT, "float16", "half"],
    "jit_compile": [0, 1, 2.5, "always", "", (), {}, b"x"],
    "seed": [-1, 2.5, 2**31, NAN, INFINITY, HUGE, "3", *OTHERS],
    "image_size": [0, -8, 2.5, NAN, INFINITY, "8", *OTHERS],
    "data_options": OPTIONS,
    "model_options": OPTIONS,
    "task_options": OPTIONS,
    "space": ["x", 3, True, {}, ["dropout"], (1, 2)],
    "no_such_field": [1, "x"],
}
RIGHT = {
    "epochs": np.int64(3),
    "batch_size": np.int32(16),
    "augment": np.bool_(False),
    "learning_rate": np.float32(0.01),
    "warmup": np.float64(0.0),
    "weight_decay": np.float64(0.05),
    "steps_per_execution": np.int64(2),
    "jit_compile": np.bool_(True),
    "seed": np.uint8(7),
    "image_size": np.int64(8),
    "model_options": {"widths": (np.int64(8),), "dropout": np.float64(0.1)},
    "bars": [Bar("accuracy", at_least=np.float64(0.5))],
}


@pytest.mark.parametrize("field", WRONG)
def test_wrong_value_is_refused_in_one_line(field):
    recipe, accepted = recipes.get("mlp"), []
    for value in WRONG[field]:
        try:
            recipe.replace(**{field: value})
        except InvalidInput as error:
            check_message(error)
        else:
            accepted.append(value)
    assert not accepted


def test_every_field_is_tested_with_many_values():
    fields = {field.name for field in dataclasses.fields(recipes.Recipe)}
    assert fields == set(WRONG) - {"no_such_field"}
    assert sum(map(len, WRONG.values())) > 200


def test_numpy_numbers_are_accepted_and_stored_as_json():
    recipe = recipes.get("mlp").replace(**RIGHT)
    again = recipes.Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe
    assert type(recipe.epochs) is int and type(recipe.learning_rate) is float


def loaded(name):
    return kerasdl.data.load(name, batch_size=8, **SMALL.get(name, {}))


@pytest.mark.slow
@pytest.mark.parametrize("data", catalog.names())
def test_every_recipe_trains_on_the_data_or_refuses_them(data):
    """The task accepts the data or refuses them; one recipe of each task trains a batch."""
    try:
        splits, trained = loaded(data), set()
    except InvalidInput as error:  # its package is not installed
        return check_message(error)
    for name in recipes.names():
        recipe = recipes.get(name).replace(data=data, epochs=1, batch_size=8)
        try:
            task = prepare.task_for(recipe, splits.info)
            if type(task) in trained:
                continue
            model = prepare.compiled_model(recipe, task, steps=1)
            batch = task.prepare(splits.train.take(1))
            history = model.fit(batch, shuffle=False, verbose=0).history
        except InvalidInput as error:
            check_message(error)
            continue
        trained.add(type(task))
        assert all(np.isfinite(values).all() for values in history.values()), (name, history)
        results = task.evaluate(model, splits.test.take(1))
        assert np.isfinite(list(results.values())).all(), (name, results)
