"""Frozen layers stay frozen in flattened, converted and quantization-aware models."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import compression
from kerasdl.compression.bridge import graph, training
from tests.compression import conftest


def freeze_first_block(model):
    next(layer for layer in model.layers if layer.trainable_variables).trainable = False


def freeze_all(model):
    model.trainable = False


def freeze_normalization(model):
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


FREEZE = [freeze_first_block, freeze_all, freeze_normalization]


@pytest.fixture(params=FREEZE, ids=lambda freeze: freeze.__name__)
def freeze(request):
    return request.param


def paths(variables):
    return sorted(variable.path for variable in variables)


def check(model):
    expected = paths(model.trainable_variables)
    flat = compression.flatten(model)
    assert paths(flat.trainable_variables) == expected
    for layer in flat.layers:  # a layer, not only its variables, must be frozen
        assert layer.trainable or not layer.trainable_variables
    assert paths(compression.quantize_aware(model).trainable_variables) == expected
    network = graph.to_tf_keras(flat)
    trained = {id(variable) for variable in network.trainable_variables}
    pairs = graph.pairs(flat, network)
    assert paths(variable for variable, twin in pairs if id(twin) in trained) == expected
    assert len(training.host(network, flat).trainable_variables) == len(expected)


def test_functional_sequential_nested_and_subclassed_models(model, freeze):
    freeze(model)
    check(model)


@pytest.mark.parametrize("name", ["se_resnet_tiny", "densenet_tiny"])
def test_our_networks(name, freeze):
    model = kerasdl.create_model(name)
    freeze(model)
    check(model)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "engine"), [("pqat", "keras"), ("pqat", "tfmot"), ("cluster", "auto")]
)
def test_training_changes_only_the_other_layers(method, engine, train, compiled, tmp_path):
    keras.utils.set_random_seed(0)
    model = conftest.functional()
    freeze_first_block(model)
    compiled(model)
    frozen = [v for v in model.weights if not v.trainable and "block1" in v.path]
    before = [variable.numpy() for variable in frozen]
    others = [variable.numpy() for variable in model.trainable_variables]
    options = {"engine": engine, "epochs": 2, "path": tmp_path / "model.tflite"}
    compression.compress(model, train, method=method, **options)
    assert len(frozen) > 5
    for variable, value in zip(frozen, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert len(model.trainable_variables) == len(others)
    changed = [
        not np.array_equal(variable.numpy(), value)
        for variable, value in zip(model.trainable_variables, others, strict=True)
    ]
    assert all(changed)
