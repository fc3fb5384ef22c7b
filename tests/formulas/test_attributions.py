"""Attributions, compared with captum's, with derivatives, and with a network of attention alone."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import explain
from kerasdl.formulas import attributions


@pytest.fixture
def captum(reference):
    return reference("captum_maps")


@pytest.fixture
def model(captum):
    """The network of the fixture, with its weights."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(captum["images"].shape[1:]),
            layers.Conv2D(8, 3, padding="same", name="first"),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="last"),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )
    model.set_weights([captum[f"weight{i}"] for i in range(6)])
    np.testing.assert_allclose(model(captum["images"]), captum["logits"], atol=1e-5)
    return model


def test_grad_cam_equals_captum(model, captum, same):
    for layer in ("first", "last"):
        ours = explain.grad_cam(model, captum["images"], captum["targets"], layer)
        theirs = captum[f"grad_cam_{layer}"]
        same(attributions.grad_cam, "captum LayerGradCam (fixture)", ours, theirs)
    np.testing.assert_array_equal(
        explain.grad_cam(model, captum["images"], captum["targets"]), ours
    )


@pytest.mark.parametrize(
    ("formula", "options", "name"),
    [
        (attributions.integrated_gradients, {"baseline": 0.25, "steps": 20}, "IntegratedGradients"),
        (attributions.smooth_grad, {"samples": 5}, "NoiseTunnel"),
        (attributions.occlusion, {"window": 5, "stride": 3, "value": 0.5}, "Occlusion"),
    ],
)
def test_attributions_of_pixels_equal_captum(formula, options, name, model, captum, same):
    function = getattr(explain, formula.__name__)
    ours = function(model, captum["images"], captum["targets"], **options)
    theirs = captum[formula.__name__]
    same(formula, f"captum {name} (fixture)", ours, theirs)


@pytest.mark.rows("DBG-12", "DBG-14")
def test_gradients_guided_gradients_and_the_deconvnet_view_equal_captum(model, captum):
    before = model.get_weights()
    for function, name in (
        (explain.slopes, "slopes"),
        (functools.partial(explain.slopes, guided=True), "guided"),
        (explain.deconvnet, "deconvnet"),
    ):
        ours = function(model, captum["images"], captum["targets"])
        np.testing.assert_allclose(ours, captum[name], atol=1e-6, err_msg=name)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    plain = explain.slopes(model, captum["images"], captum["targets"])
    np.testing.assert_allclose(plain, captum["slopes"], atol=1e-6)  # after the other rules, too


def test_integrated_gradients_sum_to_the_difference_of_the_outputs(model, captum):
    images, targets = captum["images"], captum["targets"]
    parts = explain.integrated_gradients(model, images, targets, baseline=0.25, steps=200)
    ends = (np.asarray(model(x)) for x in (images, np.full_like(images, 0.25)))
    inputs, baselines = (end[np.arange(3), targets] for end in ends)
    np.testing.assert_allclose(parts.sum((1, 2, 3)), inputs - baselines, atol=5e-3)


def test_grad_cam_plus_plus_equals_derivatives_of_an_exponential(same):
    """The weights of the publication: from the second and third derivatives of exp(y), y linear."""
    generator = np.random.default_rng(0)
    maps = tf.constant(np.abs(generator.normal(size=12)))  # 2 x 2 pixels, 3 channels
    slopes = generator.normal(size=12)
    with tf.GradientTape() as third:
        third.watch(maps)
        with tf.GradientTape() as second:
            second.watch(maps)
            with tf.GradientTape() as first:
                first.watch(maps)
                y = tf.exp(tf.reduce_sum(maps * slopes))
            once = first.gradient(y, maps)
        twice = tf.linalg.diag_part(second.jacobian(once, maps))
    thrice = tf.linalg.diag_part(third.jacobian(twice, maps))
    once, twice, thrice, maps = (tf.reshape(x, (2, 2, 3)) for x in (once, twice, thrice, maps))
    below = 2 * twice + thrice * tf.reduce_sum(maps, (0, 1), keepdims=True)
    alpha = tf.where(below > 0, twice / below, 0)
    weights = tf.reduce_sum(alpha * tf.nn.relu(once), (0, 1)) / y
    theirs = tf.nn.relu(tf.reduce_sum(weights * maps, -1))
    ours = attributions.grad_cam_plus_plus(maps.numpy(), slopes.reshape(2, 2, 3))
    same(attributions.grad_cam_plus_plus, "tf.GradientTape, of exp(y)", ours, theirs, 1e-12)
    assert ours.max() > 0


def test_attention_rollout_is_the_jacobian_of_a_network_of_attention_alone(same):
    generator = np.random.default_rng(0)
    weights = [tf.nn.softmax(generator.normal(size=(2, 5, 5))).numpy() for _ in range(3)]
    x = tf.constant(generator.normal(size=5))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        for each in weights:
            y = (y + tf.linalg.matvec(each.mean(0), y)) / 2
    jacobian = tape.jacobian(y, x)
    ours = attributions.attention_rollout(weights)
    same(attributions.attention_rollout, "tf.GradientTape", ours, jacobian, 1e-12)
    np.testing.assert_allclose(ours.sum(-1), 1)
