"""How residual and dense networks take an image in: a quarter of its size at once, or all of it."""

from keras import layers

from kerasdl.layers import residual

SHRINKS = {"imagenet": 4, "small": 1}  # kind of stem: how many times smaller the image leaves it


def stem_layers(kind, width):
    """Convolution, normalization and ReLU; for large images (224 pixels) also pooling."""
    if kind == "small":
        return [*residual.conv_bn(width, 3), layers.ReLU()]
    convolution = [*residual.conv_bn(width, 7, 2), layers.ReLU()]  # 112
    return [*convolution, layers.ZeroPadding2D(1), layers.MaxPooling2D(3, 2)]  # 56
