"""Frozen layers stay frozen in files and clones, and the optimizer keeps its state."""

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
    """Return a functional model with a kerasdl block that is frozen, or has a frozen layer."""
    inputs = keras.Input((8, 8, 1))
    block = layers.ResidualBlock(4, strides=2, se_ratio=2)
    x = keras.layers.GlobalAveragePooling2D()(block(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    if whole:
        block.trainable = False
    else:
        block.change[1].trainable = False
        block.keep[0].trainable = False
        block.change[-1].scale[1].trainable = False  # a layer of a block in the block
    return model


def frozen_network(head):
    """Return a network in which only the head is trainable, or one layer is frozen."""
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
    """Return a network in which only one layer of a block is trainable."""
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
    # a single step, which is slower to trace than to run
    model.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=True)
    model.fit(IMAGES, targets, verbose=0)
    return model, expected, targets


@EVERY_MODEL
def test_file_keeps_frozen_layers_and_optimizer_state(make, tmp_path):
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
def test_clone_keeps_frozen_layers(make):
    model = make()
    clone = keras.models.clone_model(model)
    assert flags(clone) == flags(model)
    assert flags(keras.models.clone_model(clone)) == flags(model)
    if isinstance(model, arguments.Arguments):
        assert flags(type(model).from_config(model.get_config())) == flags(model)


@EVERY_MODEL
def test_weights_file_is_loaded_whichever_layers_are_frozen(make, tmp_path):
    model, other = make(), make()
    arguments.set_trainable(True, (), other)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert all(layer.trainable for layer in other.layers)


@pytest.mark.slow
def test_layers_are_frozen_in_a_new_process(tmp_path):
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


def test_block_made_with_trainable_false_has_no_trainable_weights():
    block = layers.TransformerBlock(heads=2, trainable=False)
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, block(inputs))
    assert model.trainable_variables == []
    block.trainable = True
    assert len(model.trainable_variables) == len(block.weights)


def test_unknown_names_of_frozen_layers_are_refused():
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
