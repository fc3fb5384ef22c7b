"""Configurations, `.keras` files and weights are restored exactly."""

import inspect

import keras
import numpy as np

from tests.conformance import fresh_process
from tests.conformance.common import assert_equal, outputs


def round_trip(subject, folder):
    """Restore a configuration that differs from the defaults, and a file.

    Every second layer is frozen, also inside blocks, and must be frozen after loading.
    """
    model = subject.make(**subject.unusual)
    original = subject.layer() if subject.layer else model
    left = set(defaults(original))
    assert left == set(subject.kept), f"declare other values for {left - set(subject.kept)}"
    again = type(original).from_config(original.get_config())
    assert again.get_config() == original.get_config()

    for inner in list(model._flatten_layers(include_self=False))[::2]:
        inner.trainable = False
    model.save(folder / "model.keras")
    expected = [*outputs(model, subject.inputs), *model.get_weights()]
    again = keras.models.load_model(folder / "model.keras")
    assert type(again) is type(model)
    if not subject.layer:  # the model around a layer is a plain keras.Model
        assert again.get_config() == model.get_config()
    assert_equal([*outputs(again, subject.inputs), *again.get_weights()], expected)
    assert [w.trainable for w in again.weights] == [w.trainable for w in model.weights]


def fresh(subject, folder):
    """A process that has only imported kerasdl loads the file and gives the same outputs."""
    model = subject.make(**subject.unusual)
    model.save(folder / "model.keras")
    np.savez(folder / "inputs.npz", *keras.tree.flatten(subject.inputs))
    expected = [*outputs(model, subject.inputs), *model.get_weights()]
    assert_equal(fresh_process.contents(folder), expected)


def defaults(subject):
    """List the constructor arguments that have their default value."""
    parameters = inspect.signature(type(subject).__init__).parameters.values()
    config = subject.get_config()
    return [
        p.name for p in parameters if p.default != p.empty and plain(config[p.name]) == p.default
    ]


def plain(value):
    return tuple(value) if isinstance(value, list) else value


def load_weights(subject, folder):
    """A new object with the weights of another gives the same outputs."""
    model, other = subject.make(), subject.make()
    model.save_weights(folder / "model.weights.h5")
    other.load_weights(folder / "model.weights.h5")
    assert_equal(outputs(other, subject.inputs), outputs(model, subject.inputs))
