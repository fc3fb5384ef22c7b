"""Swin: a transformer for images with attention in windows, and a pyramid of maps."""

import keras
from keras import layers, ops

from kerasdl.layers import WindowAttention, chain
from kerasdl.layers.block import Block
from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

VARIANTS = {
    "Swin": {
        "swin_t": {},
        "swin_s": {"depths": (2, 2, 18, 2), "drop_rate": 0.3},
        "swin_tiny": {
            "depths": (2, 2),
            "width": 32,
            "heads": (2, 4),
            "window": 4,
            "patch_size": 2,
            "drop_rate": 0.0,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class SwinBlock(Block):
    """A transformer block of a feature map, with attention in windows.

        x = x + attention(norm(x))        y = x + W2 gelu(W1 norm(x))

    Args:
        heads: int, number of attention heads, a divisor of the channels.
        window, shift: int, as in `WindowAttention`.
        drop_rate: float, fraction of the examples of which training leaves out a part, in [0, 1):
            stochastic depth.

    Input and output shape: (batch, height, width, channels)

    Example:
        >>> SwinBlock(heads=2, window=4, shift=2)(keras.ops.ones((1, 8, 8, 6))).shape
        TensorShape([1, 8, 8, 6])

    Reference: Liu et al. (2021), Swin Transformer: Hierarchical Vision Transformer using Shifted
    Windows.
    """

    def __init__(
        self, heads: int, window: int = 7, shift: int = 0, drop_rate: float = 0.0, **kwargs
    ):
        super().__init__(**kwargs)
        checks.integers(heads=heads, window=window)
        checks.integers(at_least=0, shift=shift)
        checks.fractions(drop_rate=drop_rate)
        self.heads = heads
        self.window = window
        self.shift = shift
        self.drop_rate = drop_rate

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels", unknown=("batch",))
        channels = input_shape[-1]
        self.attend = [
            layers.LayerNormalization(epsilon=1e-5, name="attention_norm"),
            WindowAttention(self.heads, self.window, self.shift, name="attention"),
            layers.Dropout(self.drop_rate, noise_shape=(None, 1, 1, 1)),
        ]
        self.mlp = [
            layers.LayerNormalization(epsilon=1e-5, name="mlp_norm"),
            layers.Dense(4 * channels, name="expand"),
            layers.Activation("gelu"),
            layers.Dense(channels, name="contract"),
            layers.Dropout(self.drop_rate, noise_shape=(None, 1, 1, 1)),
        ]
        chain.build(self, [*self.attend, *self.mlp], input_shape)

    def call(self, inputs, training=False):
        x = inputs + chain.call(self.attend, inputs)
        return x + chain.call(self.mlp, x)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="kerasdl")
class PatchMerging(Block):
    """Halve a feature map: four neighboring pixels become one, with twice the channels.

        y = W norm([x_00, x_10, x_01, x_11])

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / 2, width / 2, 2 channels), rounded up

    Example:
        >>> PatchMerging()(keras.ops.ones((1, 8, 8, 6))).shape
        TensorShape([1, 4, 4, 12])

    Reference: Liu et al. (2021), Swin Transformer: Hierarchical Vision Transformer using Shifted
    Windows.
    """

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels", unknown=("batch",))
        channels, policy = input_shape[-1], {"dtype": self.dtype_policy}
        self.reduce = layers.Dense(2 * channels, use_bias=False, name="reduce", **policy)
        self.norm = layers.LayerNormalization(epsilon=1e-5, name="norm", **policy)
        self.norm.build((None, None, None, 4 * channels))
        self.reduce.build((None, None, None, 4 * channels))

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        rows, columns = -(-height // 2), -(-width // 2)
        x = inputs
        if height % 2 or width % 2:
            x = ops.pad(x, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
        # (batch, rows, 2, columns, 2 channels) -> column in the pair, row in the pair, channel
        x = ops.reshape(x, (-1, 2, columns, 2 * channels))
        above, below = x[:, 0], x[:, 1]  # (batch * rows, columns, 2 channels)
        left, right = slice(None, channels), slice(channels, None)
        parts = [above[..., left], below[..., left], above[..., right], below[..., right]]
        x = ops.reshape(ops.concatenate(parts, -1), (-1, rows, columns, 4 * channels))
        return self.reduce(self.norm(x))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, -(-height // 2), -(-width // 2), 2 * channels)


@keras.saving.register_keras_serializable(package="kerasdl")
class Swin(Classifier):
    """A transformer whose attention is local, and whose maps shrink as in a convolutional network.

    Its time grows with the number of pixels, not with its square, and it gives feature maps of
    several sizes, as detectors and segmenters need them.

    Args:
        depths: tuple of int, blocks in each stage; the map is halved between stages.
        width: int, channels of the first stage. Each stage doubles them.
        heads: tuple of int, attention heads in each stage.
        window: int, side of a window; every second block moves its windows by half of it.
        patch_size: int, side of the patches of the image.
        drop_rate: float, rate of stochastic depth in the last block, in [0, 1). It grows from 0 in
            equal steps.
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels).

    Reference: Liu et al. (2021), Swin Transformer: Hierarchical Vision Transformer using Shifted
    Windows.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (2, 2, 6, 2),
        width: int = 96,
        heads: tuple[int, ...] = (3, 6, 12, 24),
        window: int = 7,
        patch_size: int = 4,
        drop_rate: float = 0.2,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.integer_tuples(depths=depths)
        checks.integer_tuples(length=len(depths), heads=heads)
        checks.integers(width=width, window=window, patch_size=patch_size)
        checks.fractions(drop_rate=drop_rate)
        checks.integers(optional=True, num_classes=num_classes)
        smallest = patch_size * 2 ** (len(depths) - 1)
        checks.image_shapes(smallest=smallest, input_shape=input_shape)

        inputs = keras.Input(input_shape)  # 224
        x = layers.Conv2D(width, patch_size, patch_size, name="patches")(inputs)  # 56
        x = layers.LayerNormalization(epsilon=1e-5)(x)
        blocks, pyramid, stride = 0, {}, patch_size
        for i, depth in enumerate(depths):
            if i > 0:
                x, stride = PatchMerging(name=f"merge{i}")(x), 2 * stride
            for j in range(depth):
                rate = drop_rate * blocks / max(1, sum(depths) - 1)
                x = SwinBlock(
                    heads[i],
                    window,
                    shift=window // 2 if j % 2 else 0,
                    drop_rate=rate,
                    name=f"stage{i + 1}_block{j + 1}",
                )(x)
                blocks += 1
            pyramid[stride] = x  # 56, 28, 14, 7
        if num_classes is not None:
            x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
