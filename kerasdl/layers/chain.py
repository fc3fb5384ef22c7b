"""Apply a list of layers one after the other, inside a block.

A `keras.Sequential` is a model of its own, so `compression.flatten` could not inline its layers.
"""


def build(block, chain, shape):
    """Build each layer for the output of the one before it, in the precision of `block`."""
    for layer in chain:
        layer.dtype_policy = block.dtype_policy
        layer.build(shape)
        shape = layer.compute_output_shape(shape)


def call(chain, x):
    """Return the output of the last layer."""
    for layer in chain:
        x = layer(x)
    return x


def output_shape(chain, shape):
    """Return the shape of the output of the last layer."""
    for layer in chain:
        shape = layer.compute_output_shape(shape)
    return shape
