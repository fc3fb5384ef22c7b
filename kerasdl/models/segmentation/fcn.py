"""FCN: a dilated residual backbone that classifies each pixel."""

import keras
from keras import layers

from kerasdl.layers import chain, residual
from kerasdl.models.network import Segmenter
from kerasdl.models.vision.resnet import ResNet
from kerasdl.utils import checks

VARIANTS = {
    "FCN": {
        "fcn": {},
        "fcn_tiny": {
            "block": "basic",
            "depths": (1, 1, 1),
            "width": 24,
            "stem": "small",
            "output_stride": 4,
            "units": 64,
            "num_classes": 6,
            "input_shape": (64, 64, 3),
            "dropout": 0.0,
        },
    },
}


def conv(filters: int, kernel_size: int, dilation: int = 1) -> list[layers.Layer]:
    """Return the layers of a convolution, batch normalization and ReLU."""
    return [*residual.conv_bn(filters, kernel_size, dilation=dilation), layers.ReLU()]


def backbone(input_shape: tuple[int, int, int], output_stride: int, **options) -> ResNet:
    """Return a residual network whose map is the image's size divided by `output_stride`."""
    checks.integers(output_stride=output_stride)
    checks.image_shapes(smallest=output_stride, input_shape=input_shape)
    tiled = not any(side % output_stride for side in input_shape[:2])
    expected = f"sides that are multiples of {output_stride}"
    checks.check("input_shape", input_shape, tiled, expected)
    options |= {"output_stride": output_stride, "num_classes": None, "input_shape": input_shape}
    return ResNet(**options, name="backbone")


def enlarged(num_classes: int, output_stride: int) -> list[layers.Layer]:
    """Return the layers that classify each pixel of a map, and enlarge it to the image's size."""
    return [
        layers.Conv2D(num_classes, 1, name="classes"),
        layers.UpSampling2D(output_stride, interpolation="bilinear", name="logits"),
    ]


@keras.saving.register_keras_serializable(package="kerasdl")
class FCN(Segmenter):
    """A fully convolutional network: a dilated residual backbone, and a classifier of each pixel.

    A classifier's backbone shrinks the map to 1/32, too coarse for borders. Here it stops at
    `output_stride`; the convolutions after that are dilated, so that they see as far as before.
    The logits are enlarged to the size of the image by bilinear interpolation.

    Args:
        block, depths, width, stem, output_stride: As in `ResNet`.
        units: int, channels of the 3x3 convolution before the logits; by default a quarter of the
            backbone's.
        dropout: float, fraction of its outputs that training drops, in [0, 1).
        num_classes: int, number of classes, with that of the background.
        input_shape: tuple (height, width, channels), multiples of `output_stride`.

    Output shape: (batch, height, width, num_classes)

    Reference: Long, Shelhamer, Darrell (2015), Fully Convolutional Networks for Semantic
    Segmentation; Yu, Koltun (2016), Multi-Scale Context Aggregation by Dilated Convolutions.
    """

    def __init__(
        self,
        block: str = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        width: int = 64,
        stem: str = "imagenet",
        output_stride: int = 8,
        units: int | None = None,
        dropout: float = 0.1,
        num_classes: int = 21,
        input_shape: tuple[int, int, int] = (224, 224, 3),
        **kwargs,
    ):
        checks.integers(num_classes=num_classes)
        checks.integers(optional=True, units=units)
        checks.fractions(dropout=dropout)
        resnet = {"block": block, "depths": depths, "width": width, "stem": stem}
        inputs = keras.Input(input_shape)
        x = backbone(input_shape, output_stride, **resnet)(inputs)  # 28
        head = [*conv(units or x.shape[-1] // 4, 3), layers.Dropout(dropout)]
        x = chain.call([*head, *enlarged(num_classes, output_stride)], x)  # 224
        super().__init__(inputs, x, **kwargs)
