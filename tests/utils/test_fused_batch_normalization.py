"""Fused batch normalization gives Keras's numbers, or leaves the layer to Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.utils.fused_batch_normalization import fused_batch_normalization

RANDOM = np.random.default_rng(0)
SHAPES = [(4, 5, 6, 3), (4, 5, 3), (9, 3), (2, 3, 4, 5, 3), (1, 3), (7, 1, 1, 1)]
OPTIONS = [{}, {"scale": False}, {"center": False}, {"momentum": 0.5, "epsilon": 0.1}]


def step(inputs, upstream, fused, options, function=lambda f: f, freeze=False, mask=None):
    """Outputs, gradients and averages of a training step."""
    layer = keras.layers.BatchNormalization(**options)
    layer.build(inputs.shape)
    layer.set_weights([w + RANDOM.random(w.shape) * 0 + 0.3 for w in layer.get_weights()])
    layer.trainable = not freeze

    @function
    def forward_and_backward(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True, mask=mask)
            loss = tf.reduce_sum(tf.cast(outputs, "float32") * upstream)
        weights = [weight.value for weight in layer.trainable_variables]
        return outputs, *tape.gradient(loss, [x, *weights])

    if fused:
        with fused_batch_normalization():
            results = forward_and_backward(tf.constant(inputs))
    else:
        results = forward_and_backward(tf.constant(inputs))
    return [np.array(result) for result in results] + layer.get_weights()


def assert_equal(inputs, **how):
    upstream = RANDOM.normal(size=inputs.shape).astype("float32")
    how = {"options": {}, **how}
    for ours, theirs in zip(
        step(inputs, upstream, True, **how), step(inputs, upstream, False, **how), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


def normal(shape):
    return RANDOM.normal(1.0, 2.0, shape).astype("float32")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", OPTIONS)
def test_it_gives_the_numbers_of_keras(shape, options):
    assert_equal(normal(shape), options=options)


@pytest.mark.parametrize("compiled", [False, True])
def test_it_gives_the_numbers_of_keras_in_a_graph(compiled):
    assert_equal(normal((4, 5, 6, 3)), function=tf.function(jit_compile=compiled))


@pytest.mark.parametrize(
    "how",
    [
        {"freeze": True},
        {"options": {"axis": 1}},
        {"mask": np.array([[True] * 3 + [False] * 2] * 4)},
        {"options": {"renorm": True}},
    ],
    ids=["frozen", "another axis", "masked", "renorm"],
)
def test_other_layers_are_left_to_keras(how):
    shape = (4, 5, 3) if "mask" in how else (4, 5, 6, 3)
    inputs = normal(shape)
    upstream = RANDOM.normal(size=shape).astype("float32")
    how = {"options": {}, **how}
    for ours, theirs in zip(
        step(inputs, upstream, True, **how), step(inputs, upstream, False, **how), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_mixed_precision_computes_in_single_precision():
    keras.config.set_dtype_policy("mixed_float16")
    inputs = (normal((4, 5, 6, 3)) * 1000).astype("float16")  # its squares overflow in float16
    layer = keras.layers.BatchNormalization()
    theirs = layer(inputs, training=True)
    with fused_batch_normalization():
        ours = layer(inputs, training=True)
    assert ours.dtype == theirs.dtype == tf.float16
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_keras_computes_again_after_the_block():
    before = keras.layers.BatchNormalization.call
    with fused_batch_normalization():
        assert keras.layers.BatchNormalization.call is not before
    assert keras.layers.BatchNormalization.call is before


def test_a_file_holds_the_layer_of_keras(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.BatchNormalization()])
    model.compile("sgd", "mse")
    with fused_batch_normalization():
        model.fit(normal((8, 4, 4, 2)), normal((8, 4, 4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is keras.layers.BatchNormalization
    np.testing.assert_array_equal(loaded.get_weights()[2], model.get_weights()[2])
