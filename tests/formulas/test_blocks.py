"""Blocks: formulas against the layers of the package and against Keras."""

import keras
import numpy as np

from kerasdl.formulas import blocks
from kerasdl.layers.se_block import SEBlock

IMAGE = np.random.default_rng(0).normal(size=(5, 5, 8)).astype("float32")


def test_squeeze_excitation_is_what_the_layer_does():
    layer = SEBlock(ratio=4)
    layer.build((None, *IMAGE.shape))
    weights = [np.random.default_rng(1).normal(size=w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    ours = blocks.squeeze_excitation(IMAGE, *weights)
    np.testing.assert_allclose(ours, layer(IMAGE[None])[0], atol=1e-5)


def test_residual_passes_the_gradient_even_through_a_dead_block():
    x = np.array([1.0, 2.0])
    slope = blocks.residual(x + 1e-3, np.zeros_like) - blocks.residual(x, np.zeros_like)
    np.testing.assert_allclose(slope / 1e-3, 1)


def test_dense_connections_are_what_keras_concatenates():
    layers = [keras.layers.Conv2D(3, 3, padding="same") for _ in range(2)]
    x = keras.ops.convert_to_tensor(IMAGE[None])
    for layer in layers:
        x = keras.layers.Concatenate()([x, layer(x)])
    numpy_layers = [lambda x, layer=layer: keras.ops.convert_to_numpy(layer(x)) for layer in layers]
    ours = blocks.dense_connections(IMAGE[None], numpy_layers)
    assert ours.shape[-1] == 8 + 2 * 3
    np.testing.assert_allclose(ours, x, atol=1e-6)
