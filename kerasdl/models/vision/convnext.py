"""ConvNeXt: a residual network with the design decisions of vision transformers."""

import keras
from keras import layers

from kerasdl.layers import chain
from kerasdl.layers.block import Block
from kerasdl.layers.layer_scale import LayerScale
from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

VARIANTS = {
    "ConvNeXt": {
        "convnext_t": {},
        "convnext_s": {"depths": (3, 3, 27, 3), "drop_rate": 0.4},
        "convnext_tiny": {
            "depths": (1, 1, 2),
            "widths": (24, 48, 96),
            "patch_size": 2,
            "layer_scale": 0.1,
            "drop_rate": 0.0,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    }
}


def small() -> keras.initializers.Initializer:
    """Return a new initializer: one that is used twice would give both layers the same weights."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


@keras.saving.register_keras_serializable(package="kerasdl")
class ConvNeXtBlock(Block):
    """Mix pixels by a large depthwise kernel, then channels by two dense layers.

    A transformer block has the same two parts, with attention in place of the convolution.

        y = x + scale * W2 gelu(W1 norm(depthwise7x7(x)))

    Args:
        kernel_size: int, side of the depthwise kernel.
        layer_scale: float, the factor of each channel at the start.
        drop_rate: float, fraction of the examples of which training leaves out all but x, in
            [0, 1): stochastic depth.

    Input and output shape: (batch, height, width, channels)

    Example:
        >>> ConvNeXtBlock(layer_scale=1.0)(keras.ops.ones((1, 8, 8, 4))).shape
        TensorShape([1, 8, 8, 4])

    Reference: Liu et al. (2022), A ConvNet for the 2020s.
    """

    def __init__(
        self,
        kernel_size: int = 7,
        layer_scale: float = 1e-6,
        drop_rate: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(kernel_size=kernel_size)
        checks.numbers(layer_scale=layer_scale)
        checks.fractions(drop_rate=drop_rate)
        self.kernel_size = kernel_size
        self.layer_scale = layer_scale
        self.drop_rate = drop_rate

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        channels = input_shape[-1]
        self.scale = LayerScale(self.layer_scale)
        self.change = [
            layers.DepthwiseConv2D(self.kernel_size, padding="same", depthwise_initializer=small()),
            layers.LayerNormalization(epsilon=1e-6),
            layers.Dense(4 * channels, kernel_initializer=small()),
            layers.Activation("gelu"),
            layers.Dense(channels, kernel_initializer=small()),
            self.scale,
            layers.Dropout(self.drop_rate, noise_shape=(None, 1, 1, 1)),
        ]
        chain.build(self, self.change, input_shape)

    def call(self, inputs, training=False):
        return inputs + chain.call(self.change, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="kerasdl")
class ConvNeXt(Classifier):
    """A convolutional network with few activations and normalizations, for images of any size.

    Args:
        depths: tuple of int, blocks in each stage; the map is halved between stages.
        widths: tuple of int, channels of each stage.
        patch_size: int, side and stride of the first convolution.
        layer_scale: float, the factor of each channel of a block at the start.
        drop_rate: float, rate of stochastic depth in the last block, in [0, 1). It grows from 0 in
            equal steps.
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels); height and width may be `None`.

    Reference: Liu et al. (2022), A ConvNet for the 2020s.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (3, 3, 9, 3),
        widths: tuple[int, ...] = (96, 192, 384, 768),
        patch_size: int = 4,
        layer_scale: float = 1e-6,
        drop_rate: float = 0.1,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.integer_tuples(depths=depths)
        checks.integer_tuples(length=len(depths), widths=widths)
        checks.integers(patch_size=patch_size)
        checks.numbers(layer_scale=layer_scale)
        checks.fractions(drop_rate=drop_rate)
        checks.integers(optional=True, num_classes=num_classes)
        smallest = patch_size * 2 ** (len(depths) - 1)
        checks.image_shapes(smallest=smallest, any_size=True, input_shape=input_shape)

        def patches(width, size):
            return layers.Conv2D(width, size, size, kernel_initializer=small())

        def norm(**options):
            return layers.LayerNormalization(epsilon=1e-6, **options)

        inputs = keras.Input(input_shape)  # 224
        blocks, pyramid, stride = 0, {}, patch_size
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if i == 0:
                x = norm()(patches(width, patch_size)(inputs))
            else:
                x, stride = patches(width, 2)(norm()(x)), 2 * stride
            for j in range(depth):
                rate = drop_rate * blocks / max(1, sum(depths) - 1)
                name = f"stage{i + 1}_block{j + 1}"
                x = ConvNeXtBlock(layer_scale=layer_scale, drop_rate=rate, name=name)(x)
                blocks += 1
            pyramid[stride] = x  # 56, 28, 14, 7
        if num_classes is not None:
            x = norm(name="features")(layers.GlobalAveragePooling2D()(x))
            x = layers.Dense(num_classes, kernel_initializer=small(), name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
