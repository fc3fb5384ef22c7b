"""SqueezeNet: the accuracy of AlexNet with a fiftieth of the parameters."""

import keras
from keras import layers

from kerasdl.models.network import Classifier, Shape
from kerasdl.models.vision.pooling import ceil_pool
from kerasdl.utils import checks

VARIANTS = {
    "SqueezeNet": {
        "squeezenet": {},
        "squeezenet_tiny": {
            "depths": (2, 2),
            "widths": (8, 8, 16, 16),
            "stem": "small",
            "dropout": 0.0,
            "num_classes": 10,
            "input_shape": (8, 8, 1),
        },
    }
}


def fire(x, width: int, ones: int, threes: int, name: str):
    """Squeeze to few channels by a 1x1 convolution, then expand by 1x1 and 3x3 convolutions.

        s = relu(conv1x1(x))        y = [relu(conv1x1(s)), relu(conv3x3(s))]

    Args:
        x: tensor (batch, height, width, channels).
        width: int, channels of `s`.
        ones: int, channels of the 1x1 expansion.
        threes: int, channels of the 3x3 expansion.
        name: str, prefix of the layers' names.
    """
    options = {"activation": "relu", "padding": "same", "kernel_initializer": "he_normal"}
    s = layers.Conv2D(width, 1, name=f"{name}_squeeze", **options)(x)
    y1 = layers.Conv2D(ones, 1, name=f"{name}_expand1x1", **options)(s)
    y3 = layers.Conv2D(threes, 3, name=f"{name}_expand3x3", **options)(s)
    return layers.Concatenate(name=name)([y1, y3])


@keras.saving.register_keras_serializable(package="kerasdl")
class SqueezeNet(Classifier):
    """A network of fire modules, whose 3x3 convolutions see few channels.

    Most weights of a convolutional network belong to 3x3 convolutions and dense layers. A fire
    module squeezes the channels before its 3x3 convolution and replaces half of it by a 1x1
    convolution; the classifier is a 1x1 convolution and a global mean.

    Args:
        depths: tuple of int, fire modules in each stage; the map is halved between stages.
        widths: tuple of int, squeezed channels of each fire module.
        stem: str, "imagenet" (7x7 with stride 2 and pooling) or "small" (3x3, for images of 8 to 64
            pixels).
        dropout: float, fraction of the last feature map that training drops, in [0, 1).
        num_classes: int, number of logits; `None` gives the backbone.
        input_shape: tuple (height, width, channels); height and width may be `None`.

    Reference: Iandola et al. (2016), SqueezeNet: AlexNet-level accuracy with 50x fewer parameters
    and <0.5MB model size, version 1.0.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (3, 4, 1),
        widths: tuple[int, ...] = (16, 16, 32, 32, 48, 48, 64, 64),
        stem: str = "imagenet",
        dropout: float = 0.5,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.integer_tuples(depths=depths)
        checks.integer_tuples(length=sum(depths), widths=widths)
        checks.choices(("imagenet", "small"), stem=stem)
        checks.fractions(dropout=dropout)
        checks.integers(optional=True, num_classes=num_classes)
        smallest = (16 if stem == "imagenet" else 4) * 2 ** (len(depths) - 1)
        checks.image_shapes(smallest=smallest, any_size=True, input_shape=input_shape)

        inputs = keras.Input(input_shape)  # 224
        options = {"activation": "relu", "kernel_initializer": "he_normal", "name": "conv1"}
        if stem == "imagenet":
            x = layers.Conv2D(96, 7, 2, **options)(inputs)  # 109
            pyramid, stride = {2: x}, 4
            x = ceil_pool(x, name="pool1")  # 54
        else:
            x = layers.Conv2D(2 * widths[0], 3, padding="same", **options)(inputs)
            pyramid, stride = {}, 1
        modules = iter(widths)
        for stage, depth in enumerate(depths, 1):  # 54, 27, 13
            for i in range(depth):
                width = next(modules)
                x = fire(x, width, 4 * width, 4 * width, f"stage{stage}_fire{i + 1}")
            pyramid[stride] = x
            if stage < len(depths):
                x, stride = ceil_pool(x, name=f"stage{stage}_pool"), 2 * stride
        if num_classes is not None:
            x = layers.Dropout(dropout)(x)
            x = layers.Conv2D(num_classes, 1, activation="relu", name="classes")(x)
            x = layers.GlobalAveragePooling2D(name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
