"""EfficientNet: inverted residual blocks whose depth, width and image grow together."""

import keras
from keras import layers

from kerasdl.layers import chain, residual
from kerasdl.layers.inverted_residual import InvertedResidual
from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

Stage = tuple[int, int, int, int, int, bool]

VARIANTS = {
    "EfficientNet": {
        "efficientnet_b0": {},
        "efficientnet_v2_s": {
            "stages": (
                (1, 3, 24, 2, 1, True),
                (4, 3, 48, 4, 2, True),
                (4, 3, 64, 4, 2, True),
                (4, 3, 128, 6, 2, False),
                (6, 3, 160, 9, 1, False),
                (6, 3, 256, 15, 2, False),
            ),
            "stem_width": 24,
            "epsilon": 1e-3,
            "input_shape": (384, 384, 3),
        },
        "efficientnet_tiny": {
            "stages": (
                (1, 3, 16, 1, 1, True),
                (4, 3, 24, 2, 2, True),
                (4, 3, 40, 2, 2, False),
            ),
            "stem_width": 16,
            "stem_strides": 1,
            "head_width": 160,
            "drop_rate": 0.0,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class EfficientNet(Classifier):
    """A network of inverted residual blocks with squeeze and excitation, for images of any size.

    The shape of the smallest network was found by a search. Larger ones scale depth, width and
    image together, which gains more than scaling one of them. The second version has fused blocks
    in the first stages, which train faster.

    Args:
        stages: tuple of (expansion, kernel size, filters, repeats, strides, whether the blocks are
            fused and without squeeze and excitation), one for each stage.
        stem_width: int, channels of the first convolution.
        stem_strides: int, stride of the first convolution, 1 for images of 16 to 64 pixels.
        head_width: int, channels of the last convolution.
        dropout: float, fraction of the features that training drops, in [0, 1).
        drop_rate: float, rate of stochastic depth after the last block, in [0, 1). It grows from 0
            in equal steps.
        epsilon: float, added to the variance by batch normalization.
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels); height and width may be `None`.

    Reference: Tan, Le (2019), EfficientNet: Rethinking Model Scaling for Convolutional Neural
    Networks; Tan, Le (2021), EfficientNetV2: Smaller Models and Faster Training.
    """

    def __init__(
        self,
        stages: tuple[Stage, ...] = (
            (1, 3, 16, 1, 1, False),
            (6, 3, 24, 2, 2, False),
            (6, 5, 40, 2, 2, False),
            (6, 3, 80, 3, 2, False),
            (6, 5, 112, 3, 1, False),
            (6, 5, 192, 4, 2, False),
            (6, 3, 320, 1, 1, False),
        ),
        stem_width: int = 32,
        stem_strides: int = 2,
        head_width: int = 1280,
        dropout: float = 0.2,
        drop_rate: float = 0.2,
        epsilon: float = 1e-5,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.rows("expansion, kernel size, filters, repeats, strides, flag", stages=stages)
        checks.integers(stem_width=stem_width, stem_strides=stem_strides, head_width=head_width)
        checks.fractions(dropout=dropout, drop_rate=drop_rate)
        checks.numbers(above=0, epsilon=epsilon)
        checks.integers(optional=True, num_classes=num_classes)
        checks.image_shapes(any_size=True, input_shape=input_shape)

        def conv(width, kernel_size, strides=1):
            convolution = residual.conv_bn(width, kernel_size, strides, epsilon=epsilon)
            return [*convolution, layers.Activation("silu")]

        inputs = keras.Input(input_shape)  # 224
        x = chain.call(conv(stem_width, 3, stem_strides), inputs)  # 112
        stride, pyramid = stem_strides, {stem_strides: x}
        blocks, count = 0, sum(repeats for _, _, _, repeats, _, _ in stages)
        for i, (expansion, kernel_size, filters, repeats, strides, fused) in enumerate(stages):
            for j in range(repeats):
                width = x.shape[-1]
                x = InvertedResidual(
                    filters,
                    expansion * width,
                    kernel_size,
                    strides=strides if j == 0 else 1,
                    activation="silu",
                    se_width=None if fused else max(1, width // 4),
                    se_activation="silu",
                    fused=fused,
                    drop_rate=drop_rate * blocks / count,
                    epsilon=epsilon,
                    name=f"stage{i + 1}_block{j + 1}",
                )(x)
                blocks += 1
            stride *= strides
            pyramid[stride] = x  # 112, 56, 28, 14, 14, 7, 7
        x = pyramid[stride] = chain.call(conv(head_width, 1), x)
        if num_classes is not None:
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(num_classes, name="logits")(layers.Dropout(dropout)(x))
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
