"""Layers one after the other inside a block.

A `keras.Sequential` would do the same, but it is a model of its own: `compression.flatten` could
not inline what it holds.
"""


def build(block, chain, shape):
    """Build each layer for the output of the one before it, in the precision of `block`."""
    for layer in chain:
        layer.dtype_policy = block.dtype_policy
        layer.build(shape)
        shape = layer.compute_output_shape(shape)


def call(chain, x):
    for layer in chain:
        x = layer(x)
    return x


def output_shape(chain, shape):
    for layer in chain:
        shape = layer.compute_output_shape(shape)
    return shape
