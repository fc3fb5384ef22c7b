"""Frozen layers stay frozen: in files, in clones and in the state of the optimizer."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import arguments, layers
from kerasdl.errors import InvalidInput

IMAGES = np.random.default_rng(0).random((8, 8, 8, 1), "float32")
LABELS = np.arange(8) % 4


def flags(model):
    return [bool(weight.trainable) for weight in model.weights]


def frozen_block(whole):
    """A functional model with a block of ours, frozen as a whole or in a layer inside it."""
    inputs = keras.Input((8, 8, 1))
    block = layers.ResidualBlock(4, strides=2, se_ratio=2)
    x = keras.layers.GlobalAveragePooling2D()(block(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    if whole:
        block.trainable = False
    else:
        block.change[1].trainable = False
        block.keep[0].trainable = False
        block.change[-1].scale[1].trainable = False  # inside a block inside the block
    return model


def frozen_network(head):
    """A network of which only the head learns, or of which one layer in a block does not."""
    model = kerasdl.create_model("se_resnet_tiny", num_classes=4)
    if head:
        for layer in model.layers[:-1]:
            layer.trainable = False
    else:
        model.get_layer("stage2_block1").change[1].trainable = False
    return model


def frozen_learner():
    model = kerasdl.create_model("autoencoder_tiny", widths=(8,))
    model.encoder.trainable = False
    return model


def thawed():
    """All frozen but one layer inside a block."""
    model = kerasdl.create_model("densenet_tiny", depths=(1, 1), num_classes=4)
    model.trainable = False
    model.trainable = True
    for layer in model.layers:
        layer.trainable = False
    model.get_layer("dense_block2").dense_layers[0].new[2].trainable = True
    return model


MODELS = {
    "block": lambda: frozen_block(True),
    "layer of a block": lambda: frozen_block(False),
    "all but the head": lambda: frozen_network(True),
    "layer of a network": lambda: frozen_network(False),
    "half of a learner": frozen_learner,
    "all but a layer": thawed,
}
EVERY_MODEL = pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))


def trained(make):
    keras.utils.set_random_seed(0)
    model = make()
    expected = flags(model)
    assert 0 < sum(expected) < len(expected)
    targets = IMAGES if model.output_shape == (None, 8, 8, 1) else LABELS
    loss = "mse" if targets is IMAGES else keras.losses.SparseCategoricalCrossentropy(True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(IMAGES, targets, verbose=0)
    return model, expected, targets


@EVERY_MODEL
def test_a_file_keeps_frozen_layers_and_the_state_of_the_optimizer(make, tmp_path):
    model, expected, targets = trained(make)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert flags(again) == flags(model) == expected
    for one, other in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    for learner in (model, again):
        learner.fit(IMAGES, targets, verbose=0, shuffle=False)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@EVERY_MODEL
def test_a_clone_keeps_frozen_layers(make):
    model = make()
    clone = keras.models.clone_model(model)
    assert flags(clone) == flags(model)
    assert flags(keras.models.clone_model(clone)) == flags(model)
    if isinstance(model, arguments.Arguments):
        assert flags(type(model).from_config(model.get_config())) == flags(model)


@EVERY_MODEL
def test_weights_alone_are_read_whatever_is_frozen(make, tmp_path):
    model, other = make(), make()
    arguments.set_trainable(True, (), other)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert all(layer.trainable for layer in other.layers)


def test_a_fresh_process_finds_them_frozen(tmp_path):
    expected = {}
    for name, make in MODELS.items():
        model = make()
        model.save(tmp_path / f"{name}.keras")
        expected[name] = flags(model)
    script = """if True:
        import json, pathlib, sys, kerasdl
        files = pathlib.Path(sys.argv[1]).glob("*.keras")
        models = {file.stem: kerasdl.load_model(file) for file in files}
        found = {n: [bool(w.trainable) for w in model.weights] for n, model in models.items()}
        print(json.dumps(found))
    """
    found = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True
    )
    assert json.loads(found.stdout) == expected


def test_a_block_that_is_frozen_from_the_start_trains_nothing():
    block = layers.TransformerBlock(heads=2, trainable=False)
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, block(inputs))
    assert model.trainable_variables == []
    block.trainable = True
    assert len(model.trainable_variables) == len(block.weights)


def test_frozen_layers_that_do_not_exist_are_an_error():
    config = kerasdl.create_model("mlp_tiny").get_config()
    config["trainable_differs"] = ["Dense_7"]
    with pytest.raises(InvalidInput, match=r"frozen layers.*Dense_7"):
        kerasdl.create_model("mlp_tiny").from_config(config)


def test_arguments_may_be_functions_and_containers():
    config = layers.GatedConv2D(3, (1, 7), activation=keras.activations.relu).get_config()
    again = layers.GatedConv2D.from_config(json.loads(json.dumps(config)))
    assert again.activation is keras.activations.relu
    assert again.kernel_size == (1, 7)
    assert again.get_config() == config
