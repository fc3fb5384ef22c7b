"""The first layers of residual and dense networks, for large images or for small ones."""

from keras import layers

from kerasdl.layers import chain, residual

STRIDES = {"imagenet": 4, "small": 1}  # stride of each kind of stem


def stem(kind: str, width: int, x) -> tuple:
    """Apply a convolution, batch normalization and ReLU; for large images also pooling.

    Args:
        kind: str, "imagenet" for images of 224 pixels, "small" for images of 8 to 64 pixels.
        width: int, number of channels.
        x: tensor, the images.

    Returns:
        The last feature map, and the network's pyramid so far.
    """
    if kind == "small":
        x = chain.call([*residual.conv_bn(width, 3), layers.ReLU()], x)
        return x, {1: x}
    x = chain.call([*residual.conv_bn(width, 7, 2), layers.ReLU()], x)  # 112
    pyramid = {2: x}
    x = chain.call([layers.ZeroPadding2D(1), layers.MaxPooling2D(3, 2)], x)  # 56
    return x, pyramid
