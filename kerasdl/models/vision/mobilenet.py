"""MobileNet: networks of depthwise convolutions that are cheap enough for a phone."""

import keras
from keras import layers

from kerasdl.layers import chain, residual
from kerasdl.layers.inverted_residual import InvertedResidual
from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

# kernel size, hidden channels, filters, squeeze and excitation, activation, strides
V3_LARGE = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hard_silu", 2),
    (3, 200, 80, False, "hard_silu", 1),
    (3, 184, 80, False, "hard_silu", 1),
    (3, 184, 80, False, "hard_silu", 1),
    (3, 480, 112, True, "hard_silu", 1),
    (3, 672, 112, True, "hard_silu", 1),
    (5, 672, 160, True, "hard_silu", 2),
    (5, 960, 160, True, "hard_silu", 1),
    (5, 960, 160, True, "hard_silu", 1),
)
VARIANTS = {
    "MobileNetV1": {
        "mobilenet_v1": {},
        "mobilenet_v1_tiny": {
            "widths": (32, 64, 64, 128),
            "strides": (1, 2, 1, 2),
            "stem_width": 16,
            "stem_strides": 1,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    },
    "MobileNetV2": {
        "mobilenet_v2": {},
        "mobilenet_v2_tiny": {
            "stages": ((1, 16, 1, 1), (4, 24, 2, 2), (4, 40, 2, 2)),
            "stem_width": 16,
            "stem_strides": 1,
            "head_width": 160,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    },
    "MobileNetV3": {
        "mobilenet_v3_large": {},
        "mobilenet_v3_small": {
            "blocks": (
                (3, 16, 16, True, "relu", 2),
                (3, 72, 24, False, "relu", 2),
                (3, 88, 24, False, "relu", 1),
                (5, 96, 40, True, "hard_silu", 2),
                (5, 240, 40, True, "hard_silu", 1),
                (5, 240, 40, True, "hard_silu", 1),
                (5, 120, 48, True, "hard_silu", 1),
                (5, 144, 48, True, "hard_silu", 1),
                (5, 288, 96, True, "hard_silu", 2),
                (5, 576, 96, True, "hard_silu", 1),
                (5, 576, 96, True, "hard_silu", 1),
            ),
            "units": 1024,
        },
        "mobilenet_v3_tiny": {
            "blocks": (
                (3, 16, 16, True, "relu", 1),
                (3, 64, 24, False, "relu", 2),
                (3, 72, 24, False, "relu", 1),
                (5, 96, 40, True, "hard_silu", 2),
                (5, 160, 40, True, "hard_silu", 1),
            ),
            "stem_strides": 1,
            "units": 128,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    },
}


@keras.saving.register_keras_serializable(package="kerasdl")
class MobileNetV1(Classifier):
    """A network of depthwise separable convolutions for images of any size.

    A depthwise convolution filters each channel by itself, a 1x1 convolution then mixes the
    channels. Together they take about a ninth of the multiplications of a 3x3 convolution.

    Args:
        widths: tuple of int, channels of each separable convolution.
        strides: tuple of int, stride of each depthwise convolution.
        stem_width: int, channels of the first convolution.
        stem_strides: int, stride of the first convolution, 1 for images of 16 to 64 pixels.
        dropout: float, fraction of the features that training drops, in [0, 1).
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels); height and width may be `None`.

    Reference: Howard et al. (2017), MobileNets: Efficient Convolutional Neural Networks for Mobile
    Vision Applications.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 128, 128, 256, 256, *[512] * 6, 1024, 1024),
        strides: tuple[int, ...] = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1),
        stem_width: int = 32,
        stem_strides: int = 2,
        dropout: float = 0.0,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.integer_tuples(widths=widths)
        checks.integer_tuples(length=len(widths), strides=strides)
        checks.integers(stem_width=stem_width, stem_strides=stem_strides)
        checks.fractions(dropout=dropout)
        checks.integers(optional=True, num_classes=num_classes)
        checks.image_shapes(any_size=True, input_shape=input_shape)

        inputs = keras.Input(input_shape)  # 224
        stem = [*residual.conv_bn(stem_width, 3, stem_strides), layers.ReLU(6)]
        x = chain.call(stem, inputs)  # 112
        stride, pyramid = stem_strides, {stem_strides: x}
        for width, step in zip(widths, strides, strict=True):
            x = chain.call([*residual.depthwise_bn(3, step), layers.ReLU(6)], x)
            x = chain.call([*residual.conv_bn(width, 1), layers.ReLU(6)], x)
            stride *= step
            pyramid[stride] = x  # 112, 56, 56, 28, 28, 14, ..., 7, 7
        if num_classes is not None:
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(num_classes, name="logits")(layers.Dropout(dropout)(x))
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid


@keras.saving.register_keras_serializable(package="kerasdl")
class MobileNetV2(Classifier):
    """A network of inverted residual blocks for images of any size.

    Args:
        stages: tuple of (expansion, filters, repeats, strides), one for each stage.
        stem_width: int, channels of the first convolution.
        stem_strides: int, stride of the first convolution, 1 for images of 16 to 64 pixels.
        head_width: int, channels of the last convolution.
        dropout: float, fraction of the features that training drops, in [0, 1).
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels); height and width may be `None`.

    Reference: Sandler et al. (2018), MobileNetV2: Inverted Residuals and Linear Bottlenecks.
    """

    def __init__(
        self,
        stages: tuple[tuple[int, int, int, int], ...] = (
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ),
        stem_width: int = 32,
        stem_strides: int = 2,
        head_width: int = 1280,
        dropout: float = 0.2,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.rows("expansion, filters, repeats, strides", stages=stages)
        checks.integers(stem_width=stem_width, stem_strides=stem_strides, head_width=head_width)
        checks.fractions(dropout=dropout)
        checks.integers(optional=True, num_classes=num_classes)
        checks.image_shapes(any_size=True, input_shape=input_shape)

        inputs = keras.Input(input_shape)  # 224
        stem = [*residual.conv_bn(stem_width, 3, stem_strides), layers.ReLU(6)]
        x = chain.call(stem, inputs)  # 112
        stride, pyramid = stem_strides, {stem_strides: x}
        for i, (expansion, filters, repeats, strides) in enumerate(stages):
            for j in range(repeats):
                x = InvertedResidual(
                    filters,
                    hidden=expansion * x.shape[-1],
                    strides=strides if j == 0 else 1,
                    name=f"stage{i + 1}_block{j + 1}",
                )(x)
            stride *= strides
            pyramid[stride] = x  # 112, 56, 28, 14, 14, 7, 7
        x = pyramid[stride] = chain.call([*residual.conv_bn(head_width, 1), layers.ReLU(6)], x)
        if num_classes is not None:
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(num_classes, name="logits")(layers.Dropout(dropout)(x))
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid


@keras.saving.register_keras_serializable(package="kerasdl")
class MobileNetV3(Classifier):
    """A network whose blocks were found by a search for speed on phones.

    Wide layers have squeeze and excitation, and late ones the activation x relu6(x + 3) / 6, which
    is close to x sigmoid(x) and cheaper.

    Args:
        blocks: tuple of (kernel size, hidden channels, filters, whether it has squeeze and
            excitation, activation, strides), one for each inverted residual block.
        stem_width: int, channels of the first convolution.
        stem_strides: int, stride of the first convolution, 1 for images of 16 to 64 pixels.
        units: int, width of the dense layer before the logits.
        dropout: float, fraction of its outputs that training drops, in [0, 1).
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels); height and width may be `None`.

    Reference: Howard et al. (2019), Searching for MobileNetV3.
    """

    def __init__(
        self,
        blocks: tuple[tuple[int, int, int, bool, str, int], ...] = V3_LARGE,
        stem_width: int = 16,
        stem_strides: int = 2,
        units: int = 1280,
        dropout: float = 0.2,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        columns = "kernel size, hidden channels, filters, flag, activation, strides"
        checks.rows(columns, blocks=blocks)
        checks.integers(stem_width=stem_width, stem_strides=stem_strides, units=units)
        checks.fractions(dropout=dropout)
        checks.integers(optional=True, num_classes=num_classes)
        checks.image_shapes(any_size=True, input_shape=input_shape)

        def conv(width, kernel_size, strides=1):
            convolution = residual.conv_bn(width, kernel_size, strides, epsilon=1e-3)
            return [*convolution, layers.Activation("hard_silu")]

        inputs = keras.Input(input_shape)  # 224
        x = chain.call(conv(stem_width, 3, stem_strides), inputs)  # 112
        stride, pyramid = stem_strides, {stem_strides: x}
        for i, (kernel_size, hidden, filters, squeezes, activation, strides) in enumerate(blocks):
            x = InvertedResidual(
                filters,
                hidden,
                kernel_size,
                strides,
                activation,
                se_width=multiple_of_8(hidden / 4) if squeezes else None,
                gate="hard_sigmoid",
                epsilon=1e-3,
                name=f"block{i + 1}",
            )(x)
            stride *= strides
            pyramid[stride] = x  # large: 112, 56, 56, 28, 28, 28, 14, ..., 7, 7
        x = pyramid[stride] = chain.call(conv(6 * x.shape[-1], 1), x)
        if num_classes is not None:
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(units, activation="hard_silu", kernel_initializer="he_normal")(x)
            x = layers.Dense(num_classes, name="logits")(layers.Dropout(dropout)(x))
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid


def multiple_of_8(number: float) -> int:
    """Round to a multiple of 8, and up if that would lose more than a tenth."""
    rounded = max(8, int(number + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * number else rounded
