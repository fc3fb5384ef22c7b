"""L2 and stochastic pooling, max unpooling, and padding that repeats the border."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import layers
from kerasdl.errors import InvalidInput
from kerasdl.formulas import convolution, pooling

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(3, 8, 12, 5)).astype("float32")


@pytest.mark.rows("CNO-32")
def test_l2_pooling_equals_its_formula():
    found = layers.L2Pooling2D(4)(IMAGES)
    theirs = [pooling.l2_pooling(image, 4) for image in IMAGES]
    np.testing.assert_allclose(found, theirs, rtol=1e-6)


def test_l2_pooling_of_zeros_has_a_finite_gradient():
    x = tf.zeros((1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.L2Pooling2D(2)(x)
    assert np.isfinite(tape.gradient(y, x)).all()
    assert float(y[0, 0, 0, 0]) < 1e-6


@pytest.mark.parametrize("number", [0.0, 1e-4, 300.0])
def test_l2_pooling_in_half_precision_neither_overflows_nor_underflows(number):
    x = tf.fill((1, 2, 2, 1), tf.cast(number, "float16"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.L2Pooling2D(2, dtype="mixed_float16")(x)
    assert y.dtype == "float16" and np.isfinite(tape.gradient(y, x)).all()
    assert float(y[0, 0, 0, 0]) == pytest.approx(2 * number, rel=1e-2, abs=1e-6)


@pytest.mark.parametrize("number", [0.0, 1e-6, 300.0, 4e4])
def test_stochastic_pooling_in_half_precision_neither_overflows_nor_underflows(number):
    x = np.full((1, 2, 2, 1), number, "float16")
    layer = layers.StochasticPooling2D(2, seed=0, dtype="mixed_float16")
    for training in (False, True):
        y = layer(x, training=training)
        assert y.dtype == "float16" and float(y[0, 0, 0, 0]) == x.max()


@pytest.mark.rows("CNO-33")
def test_stochastic_pooling_samples_in_training_and_averages_at_inference():
    window = np.array([1.0, 3.0, -2.0, 0.0], "float32").reshape(1, 2, 2, 1)
    layer = layers.StochasticPooling2D(2, seed=0)
    drawn = np.ravel(layer(np.tile(window, (4000, 1, 1, 1)), training=True))
    assert set(drawn) == {1.0, 3.0}
    assert np.mean(drawn == 3) == pytest.approx(0.75, abs=0.02)
    assert float(layer(window)[0, 0, 0, 0]) == pytest.approx(2.5)
    assert not np.any(layer(-np.abs(IMAGES), training=True))


def test_stochastic_pooling_passes_the_gradient_to_the_sampled_value():
    x = tf.convert_to_tensor(np.abs(IMAGES))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.StochasticPooling2D(4, seed=0)(x, training=True)
    slope = tape.gradient(y, x).numpy().reshape(3, 2, 4, 3, 4, 5).transpose(0, 1, 3, 5, 2, 4)
    assert (np.sort(slope.reshape(-1, 16))[:, -1] == 1).all()
    assert slope.sum() == y.numpy().size


@pytest.mark.rows("CNO-38", "E-55")
def test_pooling_inverts_unpooling():
    pooled = keras.layers.MaxPooling2D(4)(np.abs(IMAGES))
    spread = layers.MaxUnpooling2D(4)([pooled, np.abs(IMAGES)])
    np.testing.assert_array_equal(keras.layers.MaxPooling2D(4)(spread), pooled)
    np.testing.assert_array_equal(spread, np.where(spread != 0, np.abs(IMAGES), 0))
    assert np.count_nonzero(spread) == pooled.numpy().size


@pytest.mark.rows("CNO-14", "CNO-15", "CNO-16", "E-19")
@pytest.mark.parametrize("mode", ["replicate", "reflect", "circular"])
def test_padding_equals_numpy(mode):
    found = layers.BorderPadding2D(3, mode)(IMAGES)
    for image, padded in zip(IMAGES, found, strict=True):
        theirs = [convolution.pad(image[..., c], 3, mode) for c in range(5)]
        np.testing.assert_array_equal(padded, np.stack(theirs, axis=-1))


@pytest.mark.rows("CNO-25", "E-22")
def test_with_circular_padding_convolution_commutes_with_shifts():
    convolution = keras.layers.Conv2D(4, 3)

    def padded(images):
        return convolution(layers.BorderPadding2D(1, "circular")(images))

    shift = {"shift": (2, 5), "axis": (1, 2)}
    np.testing.assert_allclose(
        padded(np.roll(IMAGES, **shift)), np.roll(padded(IMAGES), **shift), atol=1e-5
    )


@pytest.mark.parametrize("training", [False, True])
def test_rows_and_columns_that_fill_no_window_are_dropped(training):
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layers.StochasticPooling2D(2)(inputs))
    images = np.broadcast_to(np.arange(1.0, 17).reshape(16, 1, 1, 1), (16, 5, 5, 2))
    pooled = model(images, training=training)
    np.testing.assert_allclose(pooled, images[:, :2, :2])


def unpooling(pooled=(None, None, 2), source=(None, None, 2)):
    inputs = [keras.Input(pooled), keras.Input(source)]
    return keras.Model(inputs, layers.MaxUnpooling2D(2)(inputs))


@pytest.mark.parametrize("pooled", [(2, 4, 2), (None, None, 2)])
@pytest.mark.parametrize("source", [(4, 8, 2), (None, None, 2)])
def test_unpooling_with_known_and_unknown_sizes(pooled, source):
    image = tf.abs(IMAGES[:, :4, :8, :2])
    small = keras.layers.MaxPooling2D(2)(image)
    spread = unpooling(pooled, source)([small, image])
    np.testing.assert_array_equal(keras.layers.MaxPooling2D(2)(spread), small)


@pytest.mark.parametrize("pooled", [(3, 1, 1, 2), (1, 2, 2, 2), (3, 2, 3, 2)])
def test_unpooling_to_another_size_is_refused(pooled):
    pooled, source, model = tf.ones(pooled), tf.ones((3, 4, 4, 2)), unpooling()
    with pytest.raises(InvalidInput, match="what was pooled"):
        model([pooled, source])
    unknown = [tf.TensorSpec((None, None, None, 2))] * 2
    with pytest.raises(tf.errors.InvalidArgumentError, match="what was pooled"):
        tf.function(lambda x, y: model([x, y]), unknown)(pooled, source)


def test_unpooling_to_a_size_that_windows_do_not_tile_is_refused():
    with pytest.raises(InvalidInput, match="what was pooled"):
        unpooling()([np.ones((3, 2, 2, 2)), np.ones((3, 5, 5, 2))])


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_padding_wider_than_the_image_is_refused_once_the_size_is_known(mode):
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layers.BorderPadding2D(5, mode)(inputs))
    with pytest.raises(InvalidInput, match="at most what sides of"):
        model(np.ones((2, 3, 3, 2)))
    graph = tf.function(model, [tf.TensorSpec((None, None, None, 2))])
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most what sides have"):
        graph(np.ones((2, 3, 3, 2), "float32"))
    assert graph(np.ones((2, 6, 7, 2), "float32")).shape == (2, 16, 17, 2)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.L2Pooling2D(3), (None, 8, 8, 1), "a divisor of the image's sides"),
        (layers.StochasticPooling2D(3), (None, 8, 8, 1), "a divisor of the image's sides"),
        (layers.MaxUnpooling2D(2), [(None, 3, 4, 1), (None, 8, 8, 1)], "what was pooled"),
        (layers.BorderPadding2D(4, "reflect"), (None, 4, 9, 1), "at most what sides of"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_shapes_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(InvalidInput, match=message):
        layer.build(shape)
