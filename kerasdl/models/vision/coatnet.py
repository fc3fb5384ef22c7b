"""CoAtNet: convolutions in the large maps, attention in the small ones."""

import keras
from keras import layers

from kerasdl.layers import SEBlock, WindowAttention, chain, residual
from kerasdl.layers.block import Block
from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

VARIANTS = {
    "CoAtNet": {
        "coatnet_0": {},
        "coatnet_tiny": {
            "depths": (1, 1, 2),
            "widths": (24, 40, 64),
            "kinds": "CCA",
            "stem_width": 16,
            "stem_strides": 1,
            "head_width": 16,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class CoAtNetBlock(Block):
    """A residual block of a convolution or of attention, with the same frame for both.

        convolution:  y = s(x) + project(se(depthwise(expand(norm(x)))))
        attention:    x = s(x) + attention(norm(x))        y = x + W2 gelu(W1 norm(x))

    The identity shortcut s pools and projects if the block changes the shape. Attention is between
    all pixels, with a learned bias for each offset.

    Args:
        filters: int, channels of the output.
        kind: str, "convolution" or "attention".
        strides: int, 2 for a block that halves the map, else 1.
        head_width: int, channels of an attention head, a divisor of `filters`.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / strides, width / strides, filters), rounded up

    Example:
        >>> block = CoAtNetBlock(64, "attention", strides=2)
        >>> block(keras.ops.ones((1, 8, 8, 32))).shape
        TensorShape([1, 4, 4, 64])

    Reference: Dai et al. (2021), CoAtNet: Marrying Convolution and Attention for All Data Sizes.
    """

    def __init__(
        self,
        filters: int,
        kind: str = "convolution",
        strides: int = 1,
        head_width: int = 32,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(filters=filters, strides=strides, head_width=head_width)
        checks.choices(("convolution", "attention"), kind=kind)
        checks.check("strides", strides, strides <= 2, "1 or 2")
        fits = filters % head_width == 0 or kind == "convolution"
        checks.check("head_width", head_width, fits, f"a divisor of the {filters} filters")
        self.filters = filters
        self.kind = kind
        self.strides = strides
        self.head_width = head_width

    def build(self, input_shape):
        unknown = ("batch",) if self.kind == "attention" else ("batch", "height", "width")
        checks.inputs(self, input_shape, "batch, height, width, channels", unknown=unknown)
        channels, filters = input_shape[-1], self.filters

        def pool():
            return [layers.MaxPooling2D(2, padding="same")] if self.strides > 1 else []

        same = self.strides == 1 and channels == filters
        self.keep = [] if same else [*pool(), layers.Conv2D(filters, 1)]
        self.mlp = []
        if self.kind == "convolution":
            self.change = [
                layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
                *residual.conv_bn(4 * channels, 1),
                layers.Activation("gelu"),
                *residual.depthwise_bn(3, self.strides),
                layers.Activation("gelu"),
                SEBlock(width=max(1, channels // 4), activation="silu"),
                layers.Conv2D(filters, 1),
            ]
        else:
            project = [] if same else [layers.Dense(filters)]
            self.change = [
                layers.LayerNormalization(epsilon=1e-5),
                *pool(),
                *project,
                WindowAttention(filters // self.head_width),
            ]
            self.mlp = [
                layers.LayerNormalization(epsilon=1e-5),
                layers.Dense(4 * filters),
                layers.Activation("gelu"),
                layers.Dense(filters),
            ]
        chain.build(self, self.keep, input_shape)
        chain.build(self, self.change, input_shape)
        chain.build(self, self.mlp, self.compute_output_shape(input_shape))

    def call(self, inputs, training=False):
        x = chain.call(self.keep, inputs) + chain.call(self.change, inputs)
        return x + chain.call(self.mlp, x) if self.mlp else x

    def compute_output_shape(self, input_shape):
        batch, *size, _ = input_shape
        return (batch, *(n and -(-n // self.strides) for n in size), self.filters)


@keras.saving.register_keras_serializable(package="kerasdl")
class CoAtNet(Classifier):
    """A network of convolutional and then of transformer stages.

    Convolutions know that neighbors belong together, and learn from few images; attention looks at
    all of a map, and is affordable once the map is small.

    Args:
        depths: tuple of int, blocks in each stage; each stage halves the map.
        widths: tuple of int, channels of each stage.
        kinds: str, a letter for each stage: "C" for convolutions, "A" for attention.
        stem_width: int, channels of the two convolutions before the stages.
        stem_strides: int, stride of the first of them, 1 for images of 16 to 64 pixels.
        head_width: int, channels of an attention head.
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels).

    Reference: Dai et al. (2021), CoAtNet: Marrying Convolution and Attention for All Data Sizes.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (2, 3, 5, 2),
        widths: tuple[int, ...] = (96, 192, 384, 768),
        kinds: str = "CCAA",
        stem_width: int = 64,
        stem_strides: int = 2,
        head_width: int = 32,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.integer_tuples(depths=depths)
        checks.integer_tuples(length=len(depths), widths=widths)
        checks.texts(kinds=kinds)
        letters = len(kinds) == len(depths) and set(kinds) <= set("CA")
        checks.check("kinds", kinds, letters, f"{len(depths)} letters C or A")
        checks.integers(stem_width=stem_width, stem_strides=stem_strides, head_width=head_width)
        checks.integers(optional=True, num_classes=num_classes)
        smallest = stem_strides * 2 ** len(depths)
        checks.image_shapes(smallest=smallest, input_shape=input_shape)

        inputs = keras.Input(input_shape)  # 224
        stem = [*residual.conv_bn(stem_width, 3, stem_strides), layers.Activation("gelu")]
        x = chain.call([*stem, layers.Conv2D(stem_width, 3, padding="same")], inputs)  # 112
        stride, pyramid = stem_strides, {stem_strides: x}
        for i, (depth, width, letter) in enumerate(zip(depths, widths, kinds, strict=True)):
            for j in range(depth):
                x = CoAtNetBlock(
                    width,
                    "attention" if letter == "A" else "convolution",
                    strides=1 if j else 2,
                    head_width=head_width,
                    name=f"stage{i + 1}_block{j + 1}",
                )(x)
            stride *= 2
            pyramid[stride] = x  # 56, 28, 14, 7
        if num_classes is not None:
            x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
