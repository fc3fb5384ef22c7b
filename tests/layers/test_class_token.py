"""ClassToken puts the same vectors before each sequence."""

import numpy as np

from kerasdl.layers import ClassToken

SEQUENCE = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


def test_tokens_come_first_and_are_the_same_for_each_example():
    layer = ClassToken(count=2)
    outputs = np.asarray(layer(SEQUENCE))
    np.testing.assert_array_equal(outputs[:, 2:], SEQUENCE)
    np.testing.assert_array_equal(outputs[:, :2], np.repeat(layer.get_weights()[0], 3, axis=0))
