"""Copies of a model's state."""

import keras
import numpy as np
import pytest

from kerasdl.callbacks import state
from kerasdl.utils import memory


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Embedding(5, 4), keras.layers.Dense(3), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((2,), dtype="int32"), *layers])
    model.compile("adam", "mse")
    fit(model)
    return model


def fit(model):
    model.fit(np.ones((8, 2), "int32"), np.ones((8, 2, 3)), verbose=0)


def assert_equal(values, expected):
    for value, other in zip(values, expected, strict=True):
        np.testing.assert_array_equal(value, other)


def test_views_and_copies_do_not_change_in_training(model):
    variables = state.variables_of(model)
    views, copies = [*map(state.view, variables)], state.copy(variables)
    expected = [variable.numpy() for variable in variables]
    fit(model)
    assert not np.array_equal(variables[0].numpy(), expected[0])
    assert_equal(views, expected)
    assert_equal(copies, expected)
    assert state.size_of(variables) == sum(value.nbytes for value in expected)


def test_snapshot_uses_its_memory_again(model):
    snapshot = state.Snapshot()
    assert snapshot.take(model, (0, 1))
    arrays = [*snapshot.values]
    fit(model)
    assert snapshot.take(model, (0, 2)) and snapshot.place == (0, 2)
    assert all(a is b for a, b in zip(arrays, snapshot.values, strict=True))
    assert_equal(arrays, state.copy(state.variables_of(model)))


def test_snapshot_is_kept_while_it_is_held_or_weights_are_not_finite(model):
    snapshot = state.Snapshot()
    snapshot.take(model, (0, 1))
    expected = state.copy(snapshot.values)
    snapshot.held = True
    fit(model)
    assert not snapshot.take(model, (0, 2))
    snapshot.held = False
    model.trainable_weights[0].assign(np.full((5, 4), np.nan))
    assert not snapshot.take(model, (0, 3)) and snapshot.place == (0, 1)
    assert_equal(snapshot.values, expected)


def test_snapshot_takes_at_most_half_of_the_available_memory(model, monkeypatch):
    snapshot, size = state.Snapshot(), state.size_of(state.variables_of(model))
    monkeypatch.setattr(memory, "available", lambda: 2 * size - 1)
    assert not snapshot.take(model, (0, 1)) and snapshot.place is None
    monkeypatch.setattr(memory, "available", lambda: 2 * size)
    assert snapshot.take(model, (0, 1))
