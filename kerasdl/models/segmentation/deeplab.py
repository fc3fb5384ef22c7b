"""DeepLabV3: a dilated backbone, and convolutions of several dilations beside each other."""

import keras
from keras import layers

from kerasdl.layers import chain
from kerasdl.layers.block import Block
from kerasdl.models.network import Segmenter
from kerasdl.models.segmentation.fcn import backbone, conv, enlarged
from kerasdl.utils import checks

VARIANTS = {
    "DeepLabV3": {
        "deeplab_v3": {},
        "deeplab_v3_tiny": {
            "block": "basic",
            "depths": (1, 1, 1),
            "width": 24,
            "stem": "small",
            "output_stride": 4,
            "units": 64,
            "num_classes": 6,
            "input_shape": (64, 64, 3),
            "dropout": 0.0,
            "rates": (2, 4, 6),
        },
    },
}


@keras.saving.register_keras_serializable(package="kerasdl")
class AtrousPyramid(Block):
    """Convolutions of several dilations beside each other, and the mean of the whole map.

    Objects have many sizes; each branch sees another distance, and the mean all of the image.

        y = relu(bn(conv1x1([conv1x1(x), conv3x3(x; r_1), ..., conv3x3(x; r_n), mean(x)])))

    Args:
        filters: int, channels of each branch and of the output.
        rates: tuple of int, dilations of the 3x3 convolutions.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height, width, filters)

    Example:
        >>> AtrousPyramid(6, rates=(1, 2))(keras.ops.ones((1, 8, 8, 4))).shape
        TensorShape([1, 8, 8, 6])

    Reference: Chen et al. (2017), Rethinking Atrous Convolution for Semantic Image Segmentation.
    """

    def __init__(self, filters: int, rates: tuple[int, ...] = (12, 24, 36), **kwargs):
        super().__init__(**kwargs)
        checks.integers(filters=filters)
        checks.integer_tuples(rates=rates)
        self.filters = filters
        self.rates = rates

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels", unknown=("batch",))
        self.near = conv(self.filters, 1)
        chain.build(self, self.near, input_shape)
        for number, rate in enumerate(self.rates):  # attributes: Keras saves no nested lists
            branch = conv(self.filters, 3, rate)
            chain.build(self, branch, input_shape)
            setattr(self, f"dilated{number}", branch)
        mean = layers.GlobalAveragePooling2D(keepdims=True)
        self.everywhere = [mean, *conv(self.filters, 1), layers.UpSampling2D(input_shape[1:3])]
        chain.build(self, self.everywhere, input_shape)
        self.join, self.project = layers.Concatenate(), conv(self.filters, 1)
        branches = self.filters * (2 + len(self.rates))
        chain.build(self, self.project, (*input_shape[:-1], branches))

    def call(self, inputs, training=False):
        dilated = [getattr(self, f"dilated{number}") for number in range(len(self.rates))]
        branches = [self.near, *dilated, self.everywhere]
        outputs = self.join([chain.call(branch, inputs) for branch in branches])
        return chain.call(self.project, outputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)


@keras.saving.register_keras_serializable(package="kerasdl")
class DeepLabV3(Segmenter):
    """A dilated network that looks at several scales before it classifies each pixel.

    Args:
        block, depths, width, stem, output_stride: As in `ResNet`.
        units: int, channels of the pyramid and of the convolution after it.
        rates: tuple of int, dilations of the `AtrousPyramid`.
        dropout: float, fraction of the pyramid's outputs that training drops, in [0, 1).
        num_classes: int, number of classes, with that of the background.
        input_shape: tuple (height, width, channels), multiples of `output_stride`.

    Output shape: (batch, height, width, num_classes)

    Reference: Chen et al. (2017), Rethinking Atrous Convolution for Semantic Image Segmentation.
    """

    def __init__(
        self,
        block: str = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        width: int = 64,
        stem: str = "imagenet",
        output_stride: int = 8,
        units: int = 256,
        rates: tuple[int, ...] = (12, 24, 36),
        dropout: float = 0.5,
        num_classes: int = 21,
        input_shape: tuple[int, int, int] = (224, 224, 3),
        **kwargs,
    ):
        checks.integers(units=units, num_classes=num_classes)
        checks.fractions(dropout=dropout)
        resnet = {"block": block, "depths": depths, "width": width, "stem": stem}
        inputs = keras.Input(input_shape)
        x = backbone(input_shape, output_stride, **resnet)(inputs)  # 28
        pyramid = AtrousPyramid(units, rates, name="pyramid")
        head = [pyramid, layers.Dropout(dropout), *conv(units, 3)]
        x = chain.call([*head, *enlarged(num_classes, output_stride)], x)  # 224
        super().__init__(inputs, x, **kwargs)
