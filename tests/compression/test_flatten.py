"""`flatten` keeps outputs and weights and leaves only simple layers."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasdl
from kerasdl.compression import flatten
from kerasdl.compression.flat_graph import is_simple
from kerasdl.errors import InvalidInput


def test_outputs_and_weights_are_the_same(model, images):
    flat = flatten(model)
    np.testing.assert_allclose(flat(images), model(images), rtol=1e-6, atol=1e-6)
    assert {id(v) for v in flat.variables} <= {id(v) for v in model.variables}
    assert {v.path for v in flat.trainable_variables} == {v.path for v in model.trainable_variables}
    assert all(is_simple(layer) for layer in flat.layers)


def test_losses_in_training_are_the_same(model, images, train, compiled):
    start = [variable.numpy() for variable in model.variables]  # includes random states
    expected = compiled(model, "sgd").fit(train, verbose=0, shuffle=False).history["loss"]
    for variable, value in zip(model.variables, start, strict=True):
        variable.assign(value)
    received = compiled(flatten(model), "sgd").fit(train, verbose=0, shuffle=False).history["loss"]
    np.testing.assert_allclose(received, expected, rtol=1e-4)


def test_the_model_is_not_changed(model, images):
    nodes = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    names = [layer.name for layer in model._flatten_layers()]
    flatten(model)
    assert nodes == [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    assert names == [layer.name for layer in model._flatten_layers()]


def test_a_model_used_twice_shares_its_weights(model, images):
    inputs = keras.Input((8, 8, 1))
    twice = keras.Model(inputs, model(inputs) - 2 * model(1 - inputs))
    flat = flatten(twice)
    np.testing.assert_allclose(flat(images), twice(images), rtol=1e-5, atol=1e-5)
    assert flat.count_params() == model.count_params()


def test_names_are_paths():
    inputs = keras.Input((8, 8, 1), name="picture")
    gates = [kerasdl.layers.SEBlock(ratio=1, name=f"gate{i}") for i in (1, 2)]
    model = keras.Model(inputs, gates[1](gates[0](inputs)), name="gated")
    flat = flatten(model)
    assert flat.name == "gated" and flat.inputs[0].name == "picture"
    names = [layer.name for layer in flat.layers]
    assert len(set(names)) == len(names)
    for gate in gates:
        inner = [f"{gate.name}_{layer.name}" for layer in gate._layers if layer.weights]
        assert len(inner) == 2 and {*inner} <= {*names}


@pytest.mark.parametrize(
    "name", ["se_resnet_tiny", "densenet_tiny", "resnet20", "alexnet_tiny", "vgg_tiny", "gpt_tiny"]
)
def test_our_networks_become_flat(name):
    model = kerasdl.create_model(name)
    flat = flatten(model)
    spec = model.inputs[0]
    random = np.random.default_rng(0)
    shape = (2, *(n or 7 for n in spec.shape[1:]))
    x = random.random(shape, dtype="float32") if spec.dtype == "float32" else np.ones(shape, int)
    np.testing.assert_allclose(flat(x), model(x), rtol=1e-5, atol=1e-5)
    composite = {type(layer).__name__ for layer in flat.layers}
    assert not composite & {"ResidualBlock", "SEBlock", "DenseBlock", "TransformerBlock"}


def test_masks_and_several_inputs():
    words, size = keras.Input((6,), dtype="int32", name="words"), keras.Input((2,), name="size")
    x = layers.LSTM(4)(layers.Embedding(10, 4, mask_zero=True)(words))
    inner = keras.Model({"words": words, "size": size}, layers.Concatenate()([x, size]))
    outputs = layers.Dense(3)(inner({"words": words, "size": size}))
    model = keras.Model({"words": words, "size": size}, {"kind": outputs})
    given = {"words": np.array([[1, 2, 3, 0, 0, 0]]), "size": np.ones((1, 2), "float32")}
    np.testing.assert_allclose(flatten(model)(given)["kind"], model(given)["kind"], atol=1e-6)


def test_a_flat_model_is_saved_and_loaded(model, images, tmp_path):
    flat = flatten(model)
    flat.save(tmp_path / "flat.keras")
    again = keras.models.load_model(tmp_path / "flat.keras")
    np.testing.assert_array_equal(again.predict_on_batch(images), flat.predict_on_batch(images))


def test_mixed_precision_is_kept(images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = kerasdl.create_model("se_resnet_tiny")
    flat = flatten(model)
    assert flat.output.dtype == model.output.dtype
    np.testing.assert_allclose(
        np.asarray(flat(images), "float32"), np.asarray(model(images), "float32"), atol=0.05
    )


def test_models_that_cannot_be_flattened_are_refused():
    class Unbuilt(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(InvalidInput, match="a built model"):
        flatten(Unbuilt())

    class Counting(keras.Model):
        def call(self, inputs):
            return np.asarray(inputs) * 2

    model = Counting()
    model(np.ones((1, 2), "float32"))
    with pytest.raises(InvalidInput, match=r"`keras\.ops`"):
        flatten(model)
