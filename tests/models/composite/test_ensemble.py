"""Ensembles: means of probabilities or outputs, the loss, saving, invalid members."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.formulas.activations import sigmoid, softmax
from kerasdl.formulas.regularization import ensemble as formula
from kerasdl.models.composite.ensemble import Ensemble
from kerasdl.models.vision.mlp import MLP


def members(count=3, classes=4):
    return [MLP((5,), num_classes=classes, input_shape=(6,)) for _ in range(count)]


def two_outputs():
    x = keras.Input((6,))
    return keras.Model(x, [keras.layers.Dense(4)(x), keras.layers.Dense(4)(x)])


@pytest.fixture
def inputs():
    return np.random.default_rng(0).normal(size=(20, 6)).astype("float32")


@pytest.mark.rows("REG-21", "TRN-18")
def test_probabilities_are_the_mean_of_the_members(inputs):
    parts = members()
    expected = formula([softmax(np.array(part(inputs))) for part in parts])
    found = ops.softmax(Ensemble(parts)(inputs))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_sigmoid_outputs_give_the_mean_probability(inputs):
    parts = members(classes=1)
    expected = formula([sigmoid(np.array(part(inputs))) for part in parts])
    found = ops.sigmoid(Ensemble(parts, "sigmoid")(inputs))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_linear_outputs_are_averaged(inputs):
    parts = members()
    expected = formula([np.array(part(inputs)) for part in parts])
    np.testing.assert_allclose(Ensemble(parts, "linear")(inputs), expected, atol=1e-6)


def test_large_logits_do_not_overflow():
    for activation, expected in (("softmax", [np.log(0.5)] * 2), ("sigmoid", [0.0, 0.0])):
        layers = [keras.layers.Dense(2, use_bias=False, name=f"m{i}") for i in range(2)]
        parts = [keras.Sequential([keras.Input((1,)), layer]) for layer in layers]
        layers[0].set_weights([np.array([[1000.0, -1000.0]])])
        layers[1].set_weights([np.array([[-1000.0, 1000.0]])])
        found = Ensemble(parts, activation)(np.ones((1, 1)))[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.rows("REG-21", "TRN-18")
def test_the_loss_is_at_most_the_mean_loss_of_the_members(inputs):
    labels = np.random.default_rng(1).integers(4, size=20)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    parts = members()
    assert float(loss(labels, Ensemble(parts)(inputs))) <= np.mean(
        [float(loss(labels, part(inputs))) for part in parts]
    )


def test_members_of_equal_names_are_renamed_and_saved(inputs, tmp_path):
    parts = members()
    for part in parts:
        part.name = "mlp"
    model = Ensemble(parts)
    assert [part.name for part in model.members] == ["mlp_1", "mlp_2", "mlp_3"]
    model.save(tmp_path / "ensemble.keras")
    again = keras.models.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_array_equal(again(inputs), model(inputs))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (list, "Expected a list of built networks"),
        (lambda: ["mlp"], "member. Expected one of the built networks.*Received: mlp"),
        (lambda: [two_outputs()] * 2, "member. Expected one of the built networks"),
        (lambda: [*members(1), *members(1, 5)], r"members. Expected one output_shape of all"),
    ],
)
def test_invalid_members_are_refused(wrong, message):
    with pytest.raises(InvalidInput, match=message):
        Ensemble(wrong())


def test_an_unknown_activation_is_refused():
    with pytest.raises(InvalidInput, match=r"`activation`\. Expected one of"):
        Ensemble(members(), "relu")
