"""Muon equals its formula and Keras's for matrices, and takes kernels of more dimensions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import optimizers
from kerasdl.errors import InvalidInput
from kerasdl.formulas import optimizers as formulas
from kerasdl.optimizers.muon import matrix_shape

STEPS = 12
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(STEPS * 8, 6, 6, 2)).astype("float32")
CLASSES = RANDOM.integers(0, 3, STEPS * 8)
OPTIONS = {
    "defaults": {},
    "other constants": {"adam_beta_1": 0.5, "adam_beta_2": 0.9, "momentum": 0.5, "ns_steps": 3},
    "plain": {"nesterov": False, "rms_rate": None, "adam_weight_decay": None, "weight_decay": 0.1},
    "excluded": {"exclude_layers": ["head"]},
    "clipped": {"clipnorm": 0.1},
    "averaged": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 5},
    "accumulated": {"gradient_accumulation_steps": 3},
    "scaled": {"loss_scale_factor": 128.0},
}


def network(kind="Conv2D", *arguments):
    keras.utils.set_random_seed(0)
    hidden = getattr(keras.layers, kind)(*(arguments or (4, 3)), activation="tanh")
    parts = [hidden, keras.layers.Flatten(), keras.layers.Dense(3, name="head")]
    return keras.Sequential([keras.Input((6, 6, 2)), *parts])


def train(model, optimizer, **options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **options)
    model.optimizer.build(model.trainable_variables)
    model.fit(X, CLASSES, batch_size=8, epochs=1, shuffle=False, verbose=0)
    return model


def schedule():
    return keras.optimizers.schedules.CosineDecay(0.0, STEPS, warmup_target=1e-2, warmup_steps=3)


def assert_equal(ours, theirs, atol=2e-6):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=atol)


@pytest.mark.parametrize("name", OPTIONS)
def test_weights_of_dense_layers_equal_those_of_keras(name):
    ours, theirs = (
        train(network("Dense", 5), package.Muon(schedule(), **OPTIONS[name]))
        for package in (optimizers, keras.optimizers)
    )
    assert_equal(ours.get_weights(), theirs.get_weights())
    assert_equal(ours.optimizer.variables, theirs.optimizer.variables)


def test_matrices_follow_the_formula():
    optimizer, kernel = optimizers.Muon(0.1, weight_decay=None), variable(4, 6)
    w, velocity = kernel.numpy().astype("float64"), 0.0
    for _ in range(3):
        gradient = RANDOM.normal(size=(4, 6))
        w, velocity = formulas.muon(w, gradient, velocity, 0.1)
        optimizer.apply([tf.constant(gradient, "float32")], [kernel])
        np.testing.assert_allclose(kernel, w, atol=2e-5)


def variable(*shape, name="kernel"):
    return keras.Variable(RANDOM.normal(size=shape).astype("float32"), name=name)


@pytest.mark.parametrize(
    ("shape", "matrix"), [((3, 3, 2, 8), (18, 8)), ((5, 2, 8), (10, 8)), ((2, 2, 2, 3, 4), (24, 4))]
)
def test_convolutions_move_like_the_matrix_of_their_patches(shape, matrix):
    kernel = variable(*shape)
    flat = keras.Variable(kernel.numpy().reshape(matrix), name="kernel")
    ours, theirs = optimizers.Muon(0.1), keras.optimizers.Muon(0.1)
    for _ in range(3):
        gradient = RANDOM.normal(size=shape).astype("float32")
        ours.apply([gradient], [kernel])
        theirs.apply([gradient.reshape(matrix)], [flat])
        assert_equal([kernel.numpy().reshape(matrix)], [flat])


def test_attention_kernels_move_like_the_dense_kernels_of_the_same_maps():
    attention = keras.layers.MultiHeadAttention(3, 4)
    attention.build((None, 5, 8), (None, 5, 8))
    kernels = {w.path.split("/")[-2]: w for w in attention.weights if w.name == "kernel"}
    assert {name: matrix_shape(kernel) for name, kernel in kernels.items()} == {
        **dict.fromkeys(("query", "key", "value"), (8, 12)),
        "attention_output": (12, 8),
    }
    for name in ("query", "attention_output"):
        kernel = kernels[name]
        shape, matrix = kernel.shape, matrix_shape(kernel)
        flat = keras.Variable(kernel.numpy().reshape(matrix), name="kernel")
        gradient = RANDOM.normal(size=shape).astype("float32")
        optimizers.Muon(0.1).apply([gradient], [kernel])
        keras.optimizers.Muon(0.1).apply([gradient.reshape(matrix)], [flat])
        assert_equal([kernel.numpy().reshape(matrix)], [flat])


def test_weights_that_are_no_matrices_move_by_adamw():
    names = {
        "depthwise_kernel": (3, 3, 4, 1),
        "embeddings": (7, 4),
        "table": (1, 9, 4),
        "bias": (4,),
        "gamma": (4,),
    }
    weights = [variable(*shape, name=name) for name, shape in names.items()]
    copies = [keras.Variable(w.numpy(), name=w.name) for w in weights]
    ours, theirs = optimizers.Muon(0.1), optimizers.AdamW(0.1)
    for _ in range(3):
        gradients = [RANDOM.normal(size=w.shape).astype("float32") for w in weights]
        ours.apply(gradients, weights)
        theirs.apply(gradients, copies)
    for one, other in zip(weights, copies, strict=True):
        np.testing.assert_array_equal(one, other)


def test_embeddings_with_sparse_gradients_move_by_adamw():
    rows = tf.IndexedSlices(tf.constant([[1.0, 2], [3, -1], [1, 1]]), [0, 0, 2], [4, 2])
    weights = [keras.Variable(np.ones((4, 2), "float32"), name="embeddings") for _ in range(2)]
    for optimizer, weight in zip((optimizers.Muon, optimizers.AdamW), weights, strict=True):
        optimizer(0.1).apply([rows], [weight])
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("excluded", [{"exclude_layers": ["^logits/"]}, {"exclude_last": True}])
def test_classifier_may_be_excluded(excluded):
    model = kerasdl.create_model("simple_cnn_tiny")
    optimizer = optimizers.Muon(**excluded)
    optimizer.build(model.trainable_variables)
    pairs = zip(model.trainable_variables, optimizer.adam_velocities, strict=True)
    by_muon = [weight.path for weight, velocity in pairs if velocity is None]
    assert by_muon == ["conv1/kernel", "conv2/kernel", "conv3/kernel", "features/kernel"]


def test_saved_model_continues_to_the_bit(tmp_path):
    model = train(network(), optimizers.Muon(schedule(), exclude_last=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is optimizers.Muon
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, loaded):
        each.fit(X, CLASSES, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("exclude_last", "yes"), ("momentum", 1.0), ("ns_steps", 0), ("rms_rate", -0.2)],
)
def test_wrong_arguments_are_named(argument, value):
    with pytest.raises(InvalidInput, match=f"`{argument}`"):
        optimizers.Muon(**{argument: value})


def test_half_precision_scales_the_loss_and_trains():
    keras.config.set_dtype_policy("mixed_float16")
    model = network()
    before = model.get_weights()
    train(model, optimizers.Muon(1e-2))
    after = model.get_weights()
    assert all(np.isfinite(w).all() for w in after)
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
