"""GoogLeNet: modules that look at several scales at once."""

import keras
from keras import layers

from kerasdl.layers import LocalResponseNormalization, chain, residual
from kerasdl.layers.block import Block
from kerasdl.models.network import Classifier, Shape
from kerasdl.models.vision.pooling import ceil_pool
from kerasdl.utils import checks

Widths = tuple[int, int, int, int, int, int]

VARIANTS = {
    "GoogLeNet": {
        "googlenet": {},
        "googlenet_bn": {"batch_normalization": True},
        "googlenet_tiny": {
            "stages": (
                ((8, 12, 16, 4, 8, 8), (16, 16, 24, 4, 8, 8)),
                ((24, 16, 32, 4, 12, 12), (24, 24, 48, 6, 16, 16)),
            ),
            "stem": "small",
            "stem_widths": (16, 16, 32),
            "batch_normalization": True,
            "dropout": 0.2,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    }
}


def conv(filters: int, kernel_size: int, strides: int = 1, batch_normalization: bool = False):
    """Return the layers of a convolution and ReLU, with batch normalization if asked for."""
    if batch_normalization:
        return [*residual.conv_bn(filters, kernel_size, strides, epsilon=1e-3), layers.ReLU()]
    zeros, padding = residual.zero_padding(kernel_size, strides)
    options = {"activation": "relu", "kernel_initializer": "he_normal"}
    return [*zeros, layers.Conv2D(filters, kernel_size, strides, padding, **options)]


@keras.saving.register_keras_serializable(package="kerasdl")
class Inception(Block):
    """Four branches whose outputs are concatenated: 1x1, 3x3 and 5x5 convolutions, and pooling.

    Small and large details are found by one layer. The 1x1 convolutions before the large kernels
    reduce the channels, without which the module would compute four times as much.

        y = [conv1x1(x), conv3x3(conv1x1(x)), conv5x5(conv1x1(x)), conv1x1(pool3x3(x))]

    Args:
        widths: tuple of six int, the channels of the 1x1 branch; of the reduction before the 3x3
            convolution, and of that; of the reduction before the 5x5 convolution, and of that; of
            the branch with pooling.
        batch_normalization: bool, whether to normalize after each convolution. The third branch
            then has a 3x3 kernel.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height, width, widths[0] + widths[2] + widths[4] + widths[5])

    Example:
        >>> Inception((4, 3, 6, 2, 4, 3))(keras.ops.ones((1, 6, 6, 8))).shape
        TensorShape([1, 6, 6, 17])

    Reference: Szegedy et al. (2015), Going Deeper with Convolutions.
    """

    def __init__(self, widths: Widths, batch_normalization: bool = False, **kwargs):
        super().__init__(**kwargs)
        checks.integer_tuples(length=6, widths=widths)
        checks.flags(batch_normalization=batch_normalization)
        self.widths = widths
        self.batch_normalization = batch_normalization

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        ones, reduce3, threes, reduce5, fives, pooled = self.widths
        bn = {"batch_normalization": self.batch_normalization}
        large = 3 if self.batch_normalization else 5
        self.branch1 = conv(ones, 1, **bn)
        self.branch2 = [*conv(reduce3, 1, **bn), *conv(threes, 3, **bn)]
        self.branch3 = [*conv(reduce5, 1, **bn), *conv(fives, large, **bn)]
        self.branch4 = [layers.MaxPooling2D(3, 1, padding="same"), *conv(pooled, 1, **bn)]
        for branch in self.branches():
            chain.build(self, branch, input_shape)
        self.join = layers.Concatenate()

    def branches(self) -> list[list[layers.Layer]]:
        """Return the layers of each branch."""
        return [self.branch1, self.branch2, self.branch3, self.branch4]

    def call(self, inputs, training=False):
        return self.join([chain.call(branch, inputs) for branch in self.branches()])

    def compute_output_shape(self, input_shape):
        ones, _, threes, _, fives, pooled = self.widths
        return (*input_shape[:-1], ones + threes + fives + pooled)


@keras.saving.register_keras_serializable(package="kerasdl")
class GoogLeNet(Classifier):
    """A network of nine inception modules, without large dense layers.

    Args:
        stages: tuple of stages, each a tuple of the `widths` of its `Inception` modules; the map is
            halved between stages.
        stem: str, "imagenet" (convolutions and pooling to an eighth of the image) or "small" (no
            stride, for images of 8 to 64 pixels).
        stem_widths: tuple of three int, channels of the convolutions before the modules.
        batch_normalization: bool, whether to normalize after each convolution, as the later
            version does. It has no local response normalization, and 3x3 kernels in place of 5x5.
        auxiliary: bool, whether two more classifiers in the middle give gradients to the first
            layers in training. The outputs are then a dictionary with "logits", "auxiliary1" and
            "auxiliary2", and only for images with 224 pixels or more.
        dropout: float, fraction of the features that training drops, in [0, 1).
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels); height and width may be `None`.

    Reference: Szegedy et al. (2015), Going Deeper with Convolutions; Ioffe, Szegedy (2015), Batch
    Normalization.
    """

    def __init__(
        self,
        stages: tuple[tuple[Widths, ...], ...] = (
            ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
            (
                (192, 96, 208, 16, 48, 64),
                (160, 112, 224, 24, 64, 64),
                (128, 128, 256, 24, 64, 64),
                (112, 144, 288, 32, 64, 64),
                (256, 160, 320, 32, 128, 128),
            ),
            ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
        ),
        stem: str = "imagenet",
        stem_widths: tuple[int, int, int] = (64, 64, 192),
        batch_normalization: bool = False,
        auxiliary: bool = False,
        dropout: float = 0.4,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.choices(("imagenet", "small"), stem=stem)
        checks.integer_tuples(length=3, stem_widths=stem_widths)
        checks.flags(batch_normalization=batch_normalization, auxiliary=auxiliary)
        checks.fractions(dropout=dropout)
        checks.integers(optional=True, num_classes=num_classes)
        listed = isinstance(stages, (tuple, list)) and len(stages) > 0
        listed = listed and all(isinstance(stage, (tuple, list)) and stage for stage in stages)
        checks.check("stages", stages, listed, "a tuple of tuples of the widths of modules")
        has_middle = len(stages) == 3 and len(stages[1]) == 5 and num_classes is not None
        expected = "False without classes or with other stages than the publication's"
        checks.check("auxiliary", auxiliary, has_middle or not auxiliary, expected)
        smallest = 224 if auxiliary else (8 if stem == "imagenet" else 1) * 2 ** (len(stages) - 1)
        checks.image_shapes(smallest=smallest, any_size=not auxiliary, input_shape=input_shape)
        bn = {"batch_normalization": batch_normalization}

        def normalize(x):
            normalization = LocalResponseNormalization(size=5, k=1.0, alpha=2e-5)
            return x if batch_normalization else normalization(x)

        inputs = keras.Input(input_shape)  # 224
        if stem == "imagenet":
            x = chain.call(conv(stem_widths[0], 7, 2, **bn), inputs)  # 112
            pyramid = {2: x}
            x = normalize(ceil_pool(x))  # 56
            x = chain.call(conv(stem_widths[1], 1, **bn), x)
            x = chain.call(conv(stem_widths[2], 3, **bn), x)
            pyramid[4], stride = x, 8
            x = ceil_pool(normalize(x))  # 28
        else:
            x = chain.call(conv(stem_widths[0], 3, **bn), inputs)
            x = chain.call(conv(stem_widths[1], 1, **bn), x)
            x = chain.call(conv(stem_widths[2], 3, **bn), x)
            pyramid, stride = {}, 1
        modules = {}
        for i, stage in enumerate(stages):
            if i > 0:
                # the later version ends with a smaller window
                size = 2 if batch_normalization and i == len(stages) - 1 else 3
                x, stride = ceil_pool(x, size), 2 * stride  # 14, 7
            for j, widths in enumerate(stage):
                name = f"stage{i + 1}_inception{j + 1}"
                x = modules[i, j] = Inception(widths, name=name, **bn)(x)
            pyramid[stride] = x
        if num_classes is not None:
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(num_classes, name="logits")(layers.Dropout(dropout)(x))
        if auxiliary:
            x = {"logits": x}
            for name, place in (("auxiliary1", (1, 0)), ("auxiliary2", (1, 3))):
                y = layers.AveragePooling2D(5, 3)(modules[place])  # 4
                y = chain.call(conv(128, 1, **bn), y)
                y = layers.Dense(1024, "relu", kernel_initializer="he_normal")(layers.Flatten()(y))
                x[name] = layers.Dense(num_classes, name=name)(layers.Dropout(0.7)(y))
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid

    def training_defaults(self) -> dict:
        defaults = super().training_defaults()
        if not self._arguments["auxiliary"]:
            return defaults
        weights = {"logits": 1.0, "auxiliary1": 0.3, "auxiliary2": 0.3}
        loss = dict.fromkeys(weights, defaults["loss"])
        metrics = {"logits": defaults["metrics"]}
        return {**defaults, "loss": loss, "loss_weights": weights, "metrics": metrics}
