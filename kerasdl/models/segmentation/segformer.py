"""SegFormer: a transformer with maps of four sizes, and a decoder of dense layers."""

import keras
from keras import layers

from kerasdl.layers import SelfAttention, chain, residual
from kerasdl.layers.block import Block
from kerasdl.models.network import Segmenter
from kerasdl.utils import checks

VARIANTS = {
    "SegFormer": {
        "segformer": {},
        "segformer_b1": {"widths": (64, 128, 320, 512)},
        "segformer_tiny": {
            "depths": (1, 1, 1),
            "widths": (32, 48, 64),
            "heads": (1, 2, 4),
            "reductions": (4, 2, 1),
            "patch_size": 3,
            "strides": 2,
            "units": 64,
            "dropout": 0.0,
            "num_classes": 6,
            "input_shape": (64, 64, 3),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class SegFormerBlock(Block):
    """A transformer block of a feature map, with fewer keys than queries and no positions.

    Keys and values come from a map that a strided convolution has made smaller, so that attention
    is affordable at high resolution. The 3x3 convolution between the dense layers tells where a
    pixel is, by the zeros at the border; a table of positions would fit one image size only.

        x = x + attention(norm(x), norm(reduce(norm(x))))
        y = x + W2 gelu(depthwise3x3(W1 norm(x)))

    Args:
        heads: int, number of attention heads, a divisor of the channels.
        reduction: int, factor by which keys and values are fewer along each side.

    Input and output shape: (batch, height, width, channels)

    Example:
        >>> SegFormerBlock(heads=2, reduction=2)(keras.ops.ones((1, 8, 8, 6))).shape
        TensorShape([1, 8, 8, 6])

    Reference: Xie et al. (2021), SegFormer: Simple and Efficient Design for Semantic Segmentation
    with Transformers.
    """

    def __init__(self, heads: int, reduction: int = 1, **kwargs):
        super().__init__(**kwargs)
        checks.integers(heads=heads, reduction=reduction)
        self.heads = heads
        self.reduction = reduction

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels", unknown=("batch",))
        _, height, width, channels = input_shape
        sequence = layers.Reshape((-1, channels))
        self.attention_norm = layers.LayerNormalization(epsilon=1e-6)
        self.reduce = []
        if self.reduction > 1:
            self.reduce = [
                layers.Conv2D(channels, self.reduction, self.reduction),
                layers.LayerNormalization(epsilon=1e-5),
            ]
        self.reduce = [*self.reduce, sequence]
        self.queries = layers.Reshape((height * width, channels), dtype=self.dtype_policy)
        self.attention = SelfAttention(self.heads, dtype=self.dtype_policy)
        self.restore = layers.Reshape((height, width, channels), dtype=self.dtype_policy)
        self.mlp = [
            layers.LayerNormalization(epsilon=1e-6),
            layers.Dense(4 * channels),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.Activation("gelu"),
            layers.Dense(channels),
        ]
        chain.build(self, [self.attention_norm], input_shape)
        chain.build(self, self.reduce, input_shape)
        fewer = chain.output_shape(self.reduce, input_shape)
        self.attention.build([(None, height * width, channels), fewer])
        chain.build(self, self.mlp, input_shape)

    def call(self, inputs, training=False):
        x = self.attention_norm(inputs)
        attended = self.attention([self.queries(x), chain.call(self.reduce, x)])
        x = inputs + self.restore(attended)
        return x + chain.call(self.mlp, x)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="kerasdl")
class SegFormer(Segmenter):
    """A transformer for segmentation: a small decoder combines its maps of several sizes.

    Attention sees all of the image at every size, so the decoder needs no context of its own: it
    brings all maps to one width and one size, and mixes them by a 1x1 convolution.

    Args:
        depths: tuple of int, blocks in each stage.
        widths: tuple of int, channels of each stage.
        heads: tuple of int, attention heads in each stage.
        reductions: tuple of int, the `reduction` of each stage's blocks.
        patch_size: int, kernel of the first convolution.
        strides: int, its stride. The other stages halve the map.
        units: int, channels of the decoder.
        dropout: float, fraction of the decoder's outputs that training drops, in [0, 1).
        num_classes: int, number of classes, with that of the background.
        input_shape: tuple (height, width, channels), multiples of the last map's stride.

    Attributes:
        pyramid: dict from strides to feature maps, as in a `Classifier`.

    Output shape: (batch, height, width, num_classes)

    Reference: Xie et al. (2021), SegFormer: Simple and Efficient Design for Semantic Segmentation
    with Transformers.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (2, 2, 2, 2),
        widths: tuple[int, ...] = (32, 64, 160, 256),
        heads: tuple[int, ...] = (1, 2, 5, 8),
        reductions: tuple[int, ...] = (8, 4, 2, 1),
        patch_size: int = 7,
        strides: int = 4,
        units: int = 256,
        dropout: float = 0.1,
        num_classes: int = 150,
        input_shape: tuple[int, int, int] = (512, 512, 3),
        **kwargs,
    ):
        checks.integer_tuples(depths=depths)
        checks.integer_tuples(length=len(depths), widths=widths, heads=heads, reductions=reductions)
        checks.integers(patch_size=patch_size, strides=strides, units=units)
        checks.integers(num_classes=num_classes)
        checks.fractions(dropout=dropout)
        last = strides * 2 ** (len(depths) - 1)
        checks.image_shapes(smallest=last, input_shape=input_shape)
        tiled = not any(side % last for side in input_shape[:2])
        checks.check("input_shape", input_shape, tiled, f"sides that are multiples of {last}")

        x = inputs = keras.Input(input_shape)  # 512
        pyramid, stride = {}, strides
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            size, step = (patch_size, strides) if i == 0 else (3, 2)
            zeros, padding = residual.zero_padding(size, step)
            patches = layers.Conv2D(width, size, step, padding, name=f"patches{i + 1}")
            x = chain.call([*zeros, patches, layers.LayerNormalization(epsilon=1e-6)], x)
            for j in range(depth):
                name = f"stage{i + 1}_block{j + 1}"
                x = SegFormerBlock(heads[i], reductions[i], name=name)(x)
            x = layers.LayerNormalization(epsilon=1e-6, name=f"norm{i + 1}")(x)
            pyramid[stride] = x  # 128, 64, 32, 16
            stride *= 2

        levels = []
        for stride, level in pyramid.items():
            level = layers.Dense(units, name=f"level{stride}")(level)
            if stride > strides:
                level = layers.UpSampling2D(stride // strides, interpolation="bilinear")(level)
            levels.append(level)
        x = layers.Concatenate()(levels[::-1]) if len(levels) > 1 else levels[0]  # 128
        x = chain.call([*residual.conv_bn(units, 1), layers.ReLU(), layers.Dropout(dropout)], x)
        x = layers.Conv2D(num_classes, 1, name="classes")(x)
        x = layers.UpSampling2D(strides, interpolation="bilinear", name="logits")(x)  # 512
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
