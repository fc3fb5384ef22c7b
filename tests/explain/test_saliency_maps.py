"""Plain and guided gradients with respect to images, and images that maximize an output."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import explain
from kerasdl.errors import InvalidInput
from kerasdl.formulas import perturbations


@pytest.mark.rows("DBG-23")
def test_a_perturbation_is_drawn_between_the_original_and_the_changed_image(model, digits):
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


def test_gradients_of_a_linear_model_are_its_weights():
    linear = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    linear.add(keras.layers.Dense(3))
    kernel = np.array(linear.layers[-1].kernel)
    images = np.random.default_rng(0).random((2, 2, 2, 1))
    found = explain.slopes(linear, images, targets=[2, 0])
    np.testing.assert_allclose(found.reshape(2, 4), kernel[:, [2, 0]].T, rtol=1e-6)
    with pytest.raises(InvalidInput, match="number, height, width, channels"):
        explain.slopes(linear, images[0])


def test_guided_gradients_equal_a_computation_by_hand(model, digits):
    def by_hand(image, target):
        kernel, bias, last = (np.array(w, "float64") for w in model.get_weights()[:3])
        windows = np.lib.stride_tricks.sliding_window_view(image[..., 0], (3, 3))
        hidden = np.einsum("ijhw,hwc->ijc", windows, kernel[:, :, 0]) + bias
        slope = last[:, target].reshape(hidden.shape)
        slope = slope * (hidden > 0) * (slope > 0)  # of a guided ReLU
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


def test_guided_gradients_pass_through_blocks_and_need_a_relu():
    resnet = kerasdl.create_model("resnet_tiny")
    images = np.random.default_rng(0).random((2, 8, 8, 1))
    plain, guided = (explain.slopes(resnet, images, [1, 2], guided=g) for g in (False, True))
    assert np.abs(guided - plain).max() > 0.1 * np.abs(plain).max()
    linear = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    with pytest.raises(InvalidInput, match="ReLU"):
        explain.slopes(linear, images[:, :2, :2], guided=True)


@pytest.mark.rows("DBG-14")
def test_hiding_pixels_with_large_gradients_lowers_the_logit_more(model, digits):
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
def test_a_maximized_image_has_a_high_probability_and_is_not_a_digit(model, digits):
    made = explain.maximize(model, target=3, steps=60)
    assert (np.diff(made.logits) >= 0).all() and made.logits[-1] > made.logits[0] + 5
    assert tf.nn.softmax(model(made.image[None]))[0, 3] > 0.99
    assert made.image.min() >= 0 and made.image.max() <= 1
    threes = digits[0][digits[1] == 3]
    between = np.abs(threes[:, None] - threes).mean((2, 3, 4))
    nearest = np.sort(between, axis=1)[:, 1]  # distance of each 3 to the nearest other 3
    assert np.abs(threes - made.image).mean((1, 2, 3)).min() > nearest.max()


@pytest.mark.parametrize(
    "activation",
    [lambda: keras.layers.ReLU(max_value=6), lambda: keras.layers.Activation("relu6")],
    ids=["ReLU(6)", "relu6"],
)
def test_guided_gradients_of_relu6(activation):
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(6, kernel_initializer=keras.initializers.RandomNormal(stddev=4.0))
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), dense])
    model.add(activation())
    model.add(keras.layers.Dense(3))
    images = np.random.default_rng(0).normal(size=(20, 2, 2, 1)).astype("float32")
    kernel, bias, last, _ = model.get_weights()
    hidden = images.reshape(20, 4) @ kernel + bias
    slope = last[:, 1] * ((hidden > 0) & (hidden < 6))
    assert (hidden > 6).any() and (slope < 0).any()
    for guided, passed in ((False, slope), (True, np.maximum(slope, 0))):
        found = explain.slopes(model, images, [1] * 20, guided=guided)
        np.testing.assert_allclose(found.reshape(20, 4), passed @ kernel.T, atol=1e-4)
