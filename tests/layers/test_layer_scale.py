"""LayerScale multiplies each channel by its own number."""

import numpy as np

from kerasdl.layers import LayerScale

SEQUENCE = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


def test_layer_scale_multiplies_each_channel():
    layer = LayerScale(0.5)
    np.testing.assert_array_equal(layer(SEQUENCE), SEQUENCE / 2)
    layer.scale.assign([1, 2, 3, 4])
    factors = np.array([1, 2, 3, 4], "float32")
    np.testing.assert_array_equal(layer(SEQUENCE), SEQUENCE * factors)
