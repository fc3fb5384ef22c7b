"""Pooling that rounds sizes up, as the networks of Caffe do."""

from keras import layers


def ceil_pool(x, size: int = 3, name: str | None = None):
    """Halve a map without negative numbers, rounding up, so that its last row and column are used.

    Args:
        x: tensor (batch, height, width, channels), the output of a ReLU.
        size: int, side of the window of max pooling, 2 or 3.
        name: str, of the pooling layer.
    """
    # padding with zeros does not change a maximum after a ReLU
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=name and f"{name}_pad")(x)
    return layers.MaxPooling2D(size, 2, name=name)(x)
