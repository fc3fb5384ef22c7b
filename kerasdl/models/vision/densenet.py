"""DenseNet: dense blocks with transitions between them."""

import keras
from keras import layers

from kerasdl.layers.dense_block import DenseBlock, TransitionBlock
from kerasdl.models.network import Classifier, Shape
from kerasdl.models.vision import stem as stems
from kerasdl.utils import checks

VARIANTS = {
    "DenseNet": {
        "densenet121": {"depths": (6, 12, 24, 16)},
        "densenet169": {"depths": (6, 12, 32, 32)},
        "densenet201": {"depths": (6, 12, 48, 32)},
        "densenet_tiny": {
            "depths": (3, 3, 3),
            "growth_rate": 12,
            "stem": "small",
            "num_classes": 10,
            "input_shape": (8, 8, 1),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class DenseNet(Classifier):
    """A densely connected network for images of any size.

    Args:
        depths: tuple of ints, number of layers in each dense block.
        growth_rate: int, channels that each layer adds. The stem has twice as many.
        compression: float, fraction of the channels that a transition keeps, in (0, 1].
        stem: str, "imagenet" (7x7, stride 2, and pooling) or "small" (3x3, for images of 8 to 64
            pixels).
        num_classes: int, number of logits; None leaves out the classifier.
        input_shape: tuple, (height, width, channels). Height and width may be `None`.

    Reference: Huang, Liu, van der Maaten, Weinberger (2017), Densely Connected Convolutional
    Networks.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (6, 12, 24, 16),
        growth_rate: int = 32,
        compression: float = 0.5,
        stem: str = "imagenet",
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.choices(tuple(stems.STRIDES), stem=stem)
        checks.integer_tuples(depths=depths)
        checks.integers(growth_rate=growth_rate)
        checks.integers(optional=True, num_classes=num_classes)
        checks.numbers(above=0, at_most=1, compression=compression)
        smallest = stems.STRIDES[stem] * 2 ** (len(depths) - 1)
        checks.image_shapes(smallest=smallest, any_size=True, input_shape=input_shape)

        inputs = keras.Input(input_shape)  # 224
        x, pyramid = stems.stem(stem, 2 * growth_rate, inputs)
        for i, depth in enumerate(depths):  # 56, 28, 14, 7
            if i > 0:
                x = TransitionBlock(compression, name=f"transition{i}")(x)
            x = DenseBlock(depth, growth_rate, name=f"dense_block{i + 1}")(x)
            pyramid[stems.STRIDES[stem] * 2**i] = x
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        x = layers.ReLU()(x)
        pyramid[max(pyramid)] = x
        if num_classes is not None:
            x = layers.GlobalAveragePooling2D(name="features")(x)
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
