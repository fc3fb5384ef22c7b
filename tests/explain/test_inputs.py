"""What layers give, what outputs hear of inputs, and images that are made for a class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import explain
from kerasdl.errors import InvalidInput
from kerasdl.formulas import perturbations


@pytest.fixture(scope="module")
def digits():
    return next(kerasdl.data.load("digits", batch_size=400).train.as_numpy_iterator())


@pytest.fixture(scope="module")
def model(digits):
    keras.utils.set_random_seed(0)
    parts = [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *parts, keras.layers.Dense(10)])
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), entropy)
    model.fit(*digits, epochs=15, verbose=0)
    return model


@pytest.mark.rows("DBG-07")
def test_activations_are_those_of_a_model_that_ends_there(model, digits):
    images = digits[0][:3]
    found = explain.activations(model, images)
    assert [*found] == [layer.name for layer in model.layers]
    for name, values in found.items():
        ends = keras.Model(model.inputs, model.get_layer(name).output)
        np.testing.assert_allclose(values, ends([images]), atol=1e-6)
    with pytest.raises(InvalidInput, match="functional or Sequential"):
        explain.activations(keras.layers.Dense(2), images)


def test_filters_are_scaled_each_to_its_own_black_and_white(model):
    figure = explain.filters(model, count=6)
    drawn = [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]
    kernel = np.array(model.layers[0].kernel)[:, :, 0, 2]
    expected = (kernel - kernel.min()) / np.ptp(kernel)
    assert len(drawn) == 6
    np.testing.assert_allclose(drawn[2], expected, atol=1e-6)
    with pytest.raises(InvalidInput, match="layer"):
        explain.filters(model, "dense")
    with pytest.raises(InvalidInput, match="a convolution of images"):
        explain.filters(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))


@pytest.mark.rows("DBG-15")
def test_steps_follow_each_map_through_what_keeps_the_channels(digits):
    parts = [keras.layers.Conv2D(4, 3), keras.layers.ReLU(), keras.layers.MaxPooling2D()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *parts, keras.layers.Flatten()])
    figure = explain.steps(model, digits[0][0], maps=3)
    rows = np.reshape(figure.axes, (3, 4))
    convolved, cut, pooled = (
        [np.asarray(axis.images[0].get_array()) for axis in row[1:]] for row in rows
    )
    for before, after, small in zip(convolved, cut, pooled, strict=True):
        np.testing.assert_allclose(after, np.maximum(before, 0), atol=1e-6)
        np.testing.assert_allclose(small, after.reshape(3, 2, 3, 2).max((1, 3)), atol=1e-6)


@pytest.mark.rows("DBG-23")
def test_a_perturbation_is_drawn_between_what_was_and_what_came_of_it(model, digits):
    image, label = digits[0][0], digits[1][0]
    slope = explain.slopes(model, image[None], [label])[0]
    changed = perturbations.fast_gradient_sign(image, -slope, 0.3)
    said = [int(np.argmax(model(x[None]))) for x in (image, changed)]
    figure = explain.perturbation(image, changed, *map(str, said))
    assert said[0] == label != said[1]
    assert [axis.get_title() for axis in figure.axes] == [
        str(said[0]),
        "+ at most 0.3",
        str(said[1]),
    ]
    with pytest.raises(InvalidInput, match="changed image"):
        explain.perturbation(image, changed[:3])


@pytest.mark.rows("DBG-11")
def test_alexnets_first_filters_are_ninety_six():
    figure = explain.filters(kerasdl.create_model("alexnet", units=8))
    assert len(figure.axes) == 100  # four stay empty


def test_slopes_are_those_of_a_linear_model():
    linear = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    linear.add(keras.layers.Dense(3))
    kernel = np.array(linear.layers[-1].kernel)
    images = np.random.default_rng(0).random((2, 2, 2, 1))
    found = explain.slopes(linear, images, targets=[2, 0])
    np.testing.assert_allclose(found.reshape(2, 4), kernel[:, [2, 0]].T, rtol=1e-6)
    with pytest.raises(InvalidInput, match="number, height, width, channels"):
        explain.slopes(linear, images[0])


def test_guided_slopes_follow_back_only_what_raises_the_output(model, digits):
    def by_hand(image, target):
        kernel, bias, last = (np.array(w, "float64") for w in model.get_weights()[:3])
        windows = np.lib.stride_tricks.sliding_window_view(image[..., 0], (3, 3))
        hidden = np.einsum("ijhw,hwc->ijc", windows, kernel[:, :, 0]) + bias
        slope = last[:, target].reshape(hidden.shape)
        slope = slope * (hidden > 0) * (slope > 0)  # the ReLU's, guided
        found = np.zeros((8, 8))
        for i, j in np.ndindex(6, 6):
            found[i : i + 3, j : j + 3] += kernel[:, :, 0] @ slope[i, j]
        return found

    images, targets = digits[0][:4], [3, 1, 4, 1]
    found = explain.slopes(model, images, targets, guided=True)[..., 0]
    for image, target, slope in zip(images, targets, found, strict=True):
        np.testing.assert_allclose(slope, by_hand(image, target), atol=1e-5)
    assert not np.allclose(found, explain.slopes(model, images, targets)[..., 0], atol=1e-3)
    assert len(explain.saliency(model, images, guided=True).axes) == 8


def test_slopes_are_guided_through_blocks_and_where_there_is_a_relu():
    resnet = kerasdl.create_model("resnet_tiny")
    images = np.random.default_rng(0).random((2, 8, 8, 1))
    plain, guided = (explain.slopes(resnet, images, [1, 2], guided=g) for g in (False, True))
    assert np.abs(guided - plain).max() > 0.1 * np.abs(plain).max()
    linear = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    with pytest.raises(InvalidInput, match="ReLU"):
        explain.slopes(linear, images[:, :2, :2], guided=True)


@pytest.mark.rows("DBG-14")
def test_pixels_with_large_slopes_matter_more(model, digits):
    images = digits[0][:100]
    heat = np.abs(explain.slopes(model, images)).reshape(100, 64)
    logits = np.array(model(images))
    best = logits.argmax(1)
    order, lost = np.argsort(heat, axis=1), {}
    for name, hidden in (("least", order[:, :10]), ("most", order[:, -10:])):
        covered = images.reshape(100, 64).copy()
        np.put_along_axis(covered, hidden, 0.5, axis=1)
        now = np.array(model(covered.reshape(images.shape)))
        lost[name] = np.mean((logits - now)[np.arange(100), best])
    assert lost["most"] > 2 * lost["least"], lost
    assert len(explain.saliency(model, images[:4]).axes) == 8


@pytest.mark.rows("DBG-13")
def test_a_network_is_sure_of_an_image_that_is_no_digit(model, digits):
    made = explain.maximize(model, target=3, steps=60)
    assert (np.diff(made.logits) >= 0).all() and made.logits[-1] > made.logits[0] + 5
    assert tf.nn.softmax(model(made.image[None]))[0, 3] > 0.99
    assert made.image.min() >= 0 and made.image.max() <= 1
    threes = digits[0][digits[1] == 3]
    between = np.abs(threes[:, None] - threes).mean((2, 3, 4))
    nearest = np.sort(between, axis=1)[:, 1]  # to each of them, of the others
    assert np.abs(threes - made.image).mean((1, 2, 3)).min() > nearest.max()


@pytest.mark.rows("DBG-16", "TRF-52")
def test_attention_has_a_panel_for_each_head():
    layer = kerasdl.layers.CausalSelfAttention(heads=2)
    x = np.random.default_rng(0).normal(size=(1, 4, 8)).astype("float32")
    layer(x)
    maps = np.array(layer.attention_map(x))[0]
    first, second = explain.attention(maps, list("word")).axes
    np.testing.assert_array_equal(second.images[0].get_array(), maps[1])
    assert [tick.get_text() for tick in first.get_yticklabels()] == list("word")
    with pytest.raises(InvalidInput, match="one for each of 4 positions"):
        explain.attention(maps, ["too", "few"])
    with pytest.raises(InvalidInput, match="heads, time, source"):
        explain.attention(maps[0])
