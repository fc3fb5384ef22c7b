"""Style normalization, compared with Keras and TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import styles


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_adaptive_instance_normalization_equals_keras_group_normalization(generator, same):
    x = generator.normal(2, 3, size=(2, 5, 6, 4)).astype("float32")
    scale, shift = generator.normal(size=(2, 2, 4)).astype("float32")
    layer = keras.layers.GroupNormalization(groups=-1, center=False, scale=False)
    theirs = np.array(layer(x)) * scale[:, None, None] + shift[:, None, None]
    ours = styles.adaptive_instance_normalization(x, scale, shift)
    formula = styles.adaptive_instance_normalization
    same(formula, "keras.layers.GroupNormalization", ours, theirs, at_most=1e-5)


def test_demodulated_weights_equal_tensorflow_and_keep_the_deviation(generator, same):
    kernel, style = generator.normal(size=(3, 3, 4, 5)), generator.uniform(0.1, 5, 4)
    ours = styles.demodulated(kernel, style)
    theirs = tf.math.l2_normalize(kernel * style[:, None], axis=[0, 1, 2])
    same(styles.demodulated, "tf.math.l2_normalize", ours, theirs)
    noise = generator.normal(size=(8, 48, 48, 4))
    out = tf.nn.conv2d(noise, ours, 1, "VALID").numpy()
    np.testing.assert_allclose(out.std(axis=(0, 1, 2)), 1, rtol=0.03)
