"""Vector quantization, compared with diffusers, SciPy and GradientTape."""

import pathlib

import numpy as np
import tensorflow as tf
from scipy import spatial, stats

from kerasdl.formulas import codebook

VQ = np.load(pathlib.Path(__file__).parents[1] / "reference" / "vq_codebook.npz")
NAME = "diffusers VectorQuantizer (fixture)"


def channels_last(name):
    return np.moveaxis(VQ[name], 1, -1)


def test_nearest_codes_equal_diffusers_and_scipy(same):
    z = channels_last("z")
    ours = codebook.nearest_codes(z, VQ["codebook"])
    same(codebook.nearest_codes, NAME, ours.ravel(), VQ["indices"], at_most=0)
    np.testing.assert_allclose(VQ["codebook"][ours], channels_last("zq"), atol=1e-6)
    theirs = spatial.KDTree(VQ["codebook"]).query(z)[1]
    same(codebook.nearest_codes, "scipy.spatial.KDTree", ours, theirs, at_most=0)


def test_loss_and_gradient_equal_diffusers(same):
    z, chosen = channels_last("z"), channels_last("zq")
    same(codebook.quantization_loss, NAME, codebook.quantization_loss(z, chosen), VQ["loss"])
    ours = codebook.straight_through_gradient(z, chosen, channels_last("r"))
    same(codebook.straight_through_gradient, NAME, ours, channels_last("grad_z"))


def test_gradient_equals_gradient_tape_with_stop_gradient(same):
    values, upstream = channels_last("z").astype("float64"), channels_last("r")
    z, table = tf.Variable(values), tf.constant(VQ["codebook"].astype("float64"))
    with tf.GradientTape() as tape:
        chosen = tf.gather(table, codebook.nearest_codes(values, VQ["codebook"]))
        passed = z + tf.stop_gradient(chosen - z)
        loss = 0.25 * tf.reduce_mean((z - chosen) ** 2) + tf.reduce_sum(passed * upstream)
    ours = codebook.straight_through_gradient(values, chosen.numpy(), upstream)
    formula = codebook.straight_through_gradient
    same(formula, "tf.GradientTape with tf.stop_gradient", ours, tape.gradient(loss, z), 1e-9)


def test_perplexity_equals_scipys_entropy(same):
    indices = np.random.default_rng(0).integers(0, 6, 100)
    theirs = np.exp(stats.entropy(np.bincount(indices, minlength=8)))
    ours = codebook.code_perplexity(indices, 8)
    same(codebook.code_perplexity, "scipy.stats.entropy", ours, theirs)
    assert codebook.code_perplexity(np.zeros(5, int), 8) == 1
