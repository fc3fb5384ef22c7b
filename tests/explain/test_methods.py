"""Heat maps by name, figures of them, and the check that a method reads the weights."""

import typing

import keras
import numpy as np
import pytest
from scipy import ndimage

import kerasdl
from kerasdl import explain
from kerasdl.errors import InvalidInput
from kerasdl.explain import methods
from kerasdl.utils import types

METHODS = [m for m in typing.get_args(types.ExplainMethod) if m != "attention_rollout"]


@pytest.fixture(scope="module")
def pooled(digits):
    """A trained network with global pooling, for which Grad-CAM is meant."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    parts = [layers.Conv2D(16, 3, activation="relu"), layers.Conv2D(32, 3, activation="relu")]
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(10)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *parts])
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), entropy)
    model.fit(*digits, epochs=15, verbose=0)
    return model


@pytest.mark.parametrize("method", METHODS)
def test_each_method_gives_a_number_for_each_pixel(method, pooled, digits):
    images, targets = digits[0][:3], digits[1][:3]
    heat = explain.heat_maps(pooled, images, method, targets)
    assert heat.shape == (3, 8, 8) and np.isfinite(heat).all() and np.ptp(heat) > 0
    by_default = np.argmax(pooled(images), -1)
    expected = explain.heat_maps(pooled, images, method, by_default)
    np.testing.assert_array_equal(explain.heat_maps(pooled, images, method), expected)


def test_rollout_is_a_method_too():
    vit = kerasdl.create_model("vit_tiny")
    images = np.random.default_rng(0).random((2, 28, 28, 1)).astype("float32")
    found = explain.heat_maps(vit, images, "attention_rollout")
    np.testing.assert_array_equal(found, explain.attention_rollout(vit, images))
    with pytest.raises(InvalidInput, match="feature maps of convolutions"):
        explain.heat_maps(vit, images)
    with pytest.raises(InvalidInput, match=r"`method`. Expected one of attention_rollout, "):
        explain.heat_maps(vit, images, "grad_cam2")


def edges(model, images, targets):
    """A method that looks like others but does not read the network."""
    return np.hypot(*(ndimage.sobel(images, axis) for axis in (1, 2)))


def test_methods_that_read_the_weights_pass_and_an_edge_detector_fails(pooled, digits):
    images, before = digits[0][:30], pooled.get_weights()
    for method in ("saliency", "grad_cam"):
        found = explain.sanity_check(pooled, images, method)
        assert found.passes and abs(found.correlation) < 0.5, (method, found)
        assert found == explain.sanity_check(pooled, images, method)
    assert explain.sanity_check(pooled, images, edges) == methods.Sanity(1.0, False)
    assert not explain.sanity_check(pooled, images, "saliency", at_most=0.0).passes
    for one, other in zip(before, pooled.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_sanity_check_restores_the_weights_after_an_error_and_needs_maps_that_vary(model, digits):
    calls, before = [], model.get_weights()

    def fails(model, images, targets):
        calls.append(model.get_weights())
        if len(calls) == 2:
            raise OSError("interrupted")
        return images

    with pytest.raises(OSError, match="interrupted"):
        explain.sanity_check(model, digits[0][:2], fails)
    assert any((a != b).any() for a, b in zip(*calls, strict=True))
    for one, other, weight in zip(before, model.get_weights(), calls[1], strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(np.sort(one.ravel()), np.sort(weight.ravel()))
    with pytest.raises(InvalidInput, match="one that is not constant"):
        explain.sanity_check(model, digits[0][:2], lambda m, x, t: np.zeros(x.shape))


def test_overlay_shows_each_image_and_its_map(digits):
    images = digits[0][:3]
    figure = explain.overlay(images, images[..., 0], ["a", "b", "c"])
    assert [axis.get_title() for axis in figure.axes] == ["a", "", "b", "", "c", ""]
    colored = figure.axes[1].images[0].get_array()
    brightest = np.unravel_index(images[0, ..., 0].argmax(), (8, 8))
    assert colored[brightest].sum() == colored.sum(-1).max()
    with pytest.raises(InvalidInput, match="a map of the same size for each"):
        explain.overlay(images, images[:, :4, :, 0])
    with pytest.raises(InvalidInput, match="one for each of 3 images"):
        explain.overlay(images, images[..., 0], ["a"])
