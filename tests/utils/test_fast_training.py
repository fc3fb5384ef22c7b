"""Fast layers give Keras's numbers and gradients, or leave the layer to Keras."""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.utils.fast_training import fast_training

RANDOM = np.random.default_rng(0)
SHAPES = [(4, 5, 6, 3), (4, 5, 3), (9, 3), (2, 3, 4, 5, 3), (1, 3), (7, 1, 1, 1)]
# Keras adds 1 to a tanh near -1, so that its slope at x = -8 is off by up to 7e-6, which is
# 1.2e-7 |x| (a + 3 b x^2) / 2 for a = 1.6 and b = 0.07; times at most 3 for the gradient from above
GELU = 3e-5
OPTIONS = [
    {},
    {"scale": False},
    {"center": False},
    {"momentum": 0.5, "epsilon": 0.1},
    {"synchronized": True},
]


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
        with fast_training():
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


def test_a_synchronized_layer_on_one_device_takes_the_kernel():
    layer = keras.layers.BatchNormalization(synchronized=True)
    layer.build((4, 5, 5, 3))
    with fast_training():
        function = tf.function(lambda x: layer(x, training=True))
        graph = function.get_concrete_function(tf.TensorSpec((4, 5, 5, 3))).graph
    assert "FusedBatchNormV3" in {operation.type for operation in graph.get_operations()}


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
    with fast_training():
        ours = layer(inputs, training=True)
    assert ours.dtype == theirs.dtype == tf.float16
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_keras_computes_again_after_the_block():
    layers = keras.layers.BatchNormalization, keras.layers.LayerNormalization
    before = [layer.call for layer in layers]
    with fast_training():
        assert all(layer.call is not call for layer, call in zip(layers, before, strict=True))
    assert [layer.call for layer in layers] == before


def test_a_file_holds_the_layer_of_keras(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.BatchNormalization()])
    model.compile("sgd", "mse")
    with fast_training():
        model.fit(normal((8, 4, 4, 2)), normal((8, 4, 4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is keras.layers.BatchNormalization
    np.testing.assert_array_equal(loaded.get_weights()[2], model.get_weights()[2])


def outputs_and_gradients(layer, inputs, upstream, fast, function=lambda f: f):
    """Return the output and the gradients by input and weights, of a layer or a function."""
    weights = [weight.value for weight in getattr(layer, "trainable_variables", [])]

    @function
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.cast(y, "float32") * upstream)
        return y, *tape.gradient(loss, [x, *weights])

    with fast_training() if fast else contextlib.nullcontext():
        return [np.array(part) for part in compute(tf.constant(inputs))]


def both(layer, inputs, function=lambda f: f):
    upstream = RANDOM.normal(size=inputs.shape).astype("float32")
    return zip(
        outputs_and_gradients(layer, inputs, upstream, True, function),
        outputs_and_gradients(layer, inputs, upstream, False, function),
        strict=True,
    )


def layer_normalization(shape, **options):
    layer = keras.layers.LayerNormalization(**options)
    layer.build(shape)
    layer.set_weights([RANDOM.normal(1, 0.5, w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("shape", [(3, 5, 8), (4, 6), (2, 3, 4, 5), (2, 7, 1)])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-5])
def test_layer_normalization_has_the_numbers_and_gradients_of_keras(shape, epsilon):
    layer, inputs = layer_normalization(shape, epsilon=epsilon), normal(shape)
    # Keras subtracts the mean after both were divided by the deviation. With one channel that is
    # sqrt(epsilon), so what is left of them is rounded as numbers of this size are, several times.
    size = np.abs(inputs).max() / np.sqrt(epsilon + inputs.var(-1).min())
    atol = max(2e-5, 4 * size * np.finfo("float32").eps)
    for ours, theirs in both(layer, inputs):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("options", [{"axis": 1}, {"axis": [1, 2]}, {"scale": False}])
def test_other_layer_normalizations_are_left_to_keras(options):
    shape = (3, 5, 8)
    for ours, theirs in both(layer_normalization(shape, **options), normal(shape)):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("compiled", [False, True])
def test_gelu_and_layer_normalization_in_a_graph(compiled):
    function = tf.function(jit_compile=compiled)
    layer = layer_normalization((4, 6), epsilon=1e-5)
    for ours, theirs in both(layer, normal((4, 6)), function):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)
    gelu = functools.partial(keras.activations.gelu, approximate=True)
    for ours, theirs in both(gelu, normal((4, 6)), function):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=GELU)


def test_gelu_has_the_numbers_and_gradients_of_keras():
    x = np.linspace(-8, 8, 401, dtype="float32")
    for approximate in (True, False):
        gelu = functools.partial(keras.activations.gelu, approximate=approximate)
        for ours, theirs in both(gelu, x):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=GELU)
    extremes = np.float32([-np.inf, -1e30, 1e30, np.inf])
    with fast_training():
        # as in Keras: minus infinity times zero is not a number
        found = np.array(keras.activations.gelu(extremes, approximate=True))
    expected = np.array(keras.activations.gelu(extremes, approximate=True))
    np.testing.assert_array_equal(found, expected)


ACTIVATIONS = {
    "gelu": keras.activations.gelu,
    "gelu_tanh": functools.partial(keras.activations.gelu, approximate=True),
    "silu": keras.activations.silu,
}


@pytest.mark.parametrize("name", [*ACTIVATIONS, "layer normalization"])
def test_large_arrays_are_computed_in_one_pass_with_the_numbers_of_keras(name):
    inputs = normal((600, 128))
    layer = ACTIVATIONS.get(name) or layer_normalization(inputs.shape, epsilon=1e-5)
    for ours, theirs in both(layer, inputs, tf.function):
        # the last are sums of 600 numbers, rounded in another order
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [*ACTIVATIONS, "layer normalization"])
def test_only_arrays_that_are_large_without_a_known_batch_get_a_program(name):
    layer = ACTIVATIONS.get(name) or layer_normalization((600, 128), epsilon=1e-5)

    def compiled(*shape):
        with fast_training():
            graph = tf.function(layer).get_concrete_function(tf.TensorSpec(shape)).graph
        kinds = {operation.type for operation in graph.get_operations()}
        return bool(kinds & {"PartitionedCall", "StatefulPartitionedCall"})

    assert compiled(600, 128) and compiled(None, 70, 128)
    assert not compiled(60, 128) and not compiled(None, 60, 128) and not compiled(600, None, 128)


@pytest.mark.parametrize("name", [*ACTIVATIONS, "layer normalization"])
def test_large_arrays_of_a_batch_of_unknown_size_have_the_numbers_of_keras(name):
    layer = ACTIVATIONS.get(name) or layer_normalization((600, 128), epsilon=1e-5)
    function = functools.partial(tf.function, input_signature=[tf.TensorSpec((None, 100, 128))])
    for batch in (6, 2):  # a dataset's last batch is smaller
        for ours, theirs in both(layer, normal((batch, 100, 128)), function):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_large_activations_have_slopes_of_zero_and_one_far_from_zero():
    x = np.linspace(-30, 30, 2**16, dtype="float32")
    for activation in ACTIVATIONS.values():
        with fast_training():
            _, slope = outputs_and_gradients(activation, x, np.ones_like(x), True, tf.function)
        assert slope[[0, -1]] == pytest.approx([0, 1], abs=1e-6)


def test_mixed_precision_normalizes_layers_in_single_precision():
    keras.config.set_dtype_policy("mixed_float16")
    inputs = (normal((4, 6)) * 1000).astype("float16")  # its squares overflow in float16
    layer = keras.layers.LayerNormalization()
    theirs = layer(inputs)
    with fast_training():
        ours = layer(inputs)
    assert ours.dtype == theirs.dtype == tf.float16
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_a_second_derivative_is_that_of_keras():
    layer = layer_normalization((4, 6), epsilon=1e-5)
    x = tf.constant(normal((4, 6)))

    def curvature():
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(keras.activations.gelu(layer(x), approximate=True) ** 2)
            slope = inner.gradient(y, x)
            loss = tf.reduce_sum(tf.square(slope))
        return np.array(outer.gradient(loss, x))

    theirs = curvature()
    with fast_training():
        np.testing.assert_allclose(curvature(), theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("options", [{"padding": "same"}, {"strides": 2}, {"dilation_rate": 2}])
def test_grouped_convolutions_have_the_numbers_and_gradients_of_keras(groups, options):
    layer = keras.layers.Conv2D(8, 3, groups=groups, **options)
    inputs = normal((2, 7, 8, 8))
    upstream = RANDOM.normal(size=layer(inputs).shape).astype("float32")
    theirs = outputs_and_gradients(layer, inputs, upstream, False)
    ours = outputs_and_gradients(layer, inputs, upstream, True)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
