"""AlexNet: five convolutions and three dense layers."""

import keras
from keras import layers

from kerasdl import errors
from kerasdl.layers.local_response_normalization import LocalResponseNormalization
from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

VARIANTS = {
    "AlexNet": {
        "alexnet": {},
        "alexnet_tiny": {
            "widths": (32, 64, 96, 96, 64),
            "units": 128,
            "stem": "small",
            "num_classes": 10,
            "input_shape": (8, 8, 1),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class AlexNet(Classifier):
    """Five convolutions, three of them in two groups, and three dense layers.

    Images of 227 pixels become 55, 27, 13 and 6 pixels wide. The groups once divided the network
    between two graphics cards. Pooling windows overlap (3 pixels wide, 2 apart), neighboring
    channels compete (`LocalResponseNormalization`), and dropout regularizes the dense layers, which
    hold 96 % of the parameters. It did not invent ReLU and dropout, but made both popular.

    Args:
        widths: tuple of five ints, channels of the convolutions, multiples of `groups`.
        units: int, width of the two hidden dense layers.
        groups: int, groups of the second, fourth and fifth convolution.
        dropout: float, fraction of the dense layers' units that training drops, in [0, 1).
        stem: str, "imagenet" (11x11, stride 4, no padding) or "small" (3x3, for images of 8 to 64
            pixels).
        num_classes: int, number of logits; None leaves out the classifier.
        input_shape: tuple, (height, width, channels).

    Reference: Krizhevsky, Sutskever, Hinton (2012), ImageNet Classification with Deep Convolutional
    Neural Networks. Their text says 224 pixels; their 55 follow from 227.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (96, 256, 384, 384, 256),
        units: int = 4096,
        groups: int = 2,
        dropout: float = 0.5,
        stem: str = "imagenet",
        num_classes: int | None = 1000,
        input_shape: Shape = (227, 227, 3),
        **kwargs,
    ):
        checks.integer_tuples(length=5, widths=widths)
        checks.integers(units=units, groups=groups)
        checks.integers(optional=True, num_classes=num_classes)
        checks.fractions(dropout=dropout)
        checks.choices(("imagenet", "small"), stem=stem)
        if any(width % groups for width in widths):
            expected = f"five multiples of the {groups} groups"
            raise errors.InvalidInput("value for argument `widths`", expected, widths)
        imagenet = stem == "imagenet"
        smallest, any_size = 67 if imagenet else 8, num_classes is None
        checks.image_shapes(smallest=smallest, any_size=any_size, input_shape=input_shape)

        def conv(name, width, kernel_size, **options):
            options = {"padding": "same", "kernel_initializer": "he_normal", **options}
            return layers.Conv2D(width, kernel_size, activation="relu", name=name, **options)

        def pool(name):
            return layers.MaxPooling2D(3, 2, padding="valid" if imagenet else "same", name=name)

        first = {"kernel_size": 11, "strides": 4, "padding": "valid"}
        x = inputs = keras.Input(input_shape)  # 227
        stride, pyramid = 4 if imagenet else 1, {}
        x = conv("conv1", widths[0], **(first if imagenet else {"kernel_size": 3}))(x)  # 55
        pyramid[stride] = x
        x = LocalResponseNormalization(name="normalization1")(x)
        x = pool("pool1")(x)  # 27
        x = pyramid[2 * stride] = conv("conv2", widths[1], 5, groups=groups)(x)
        x = LocalResponseNormalization(name="normalization2")(x)
        x = pool("pool2")(x)  # 13
        x = conv("conv3", widths[2], 3)(x)
        x = conv("conv4", widths[3], 3, groups=groups)(x)
        x = conv("conv5", widths[4], 3, groups=groups)(x)
        pyramid[4 * stride] = x
        x = pyramid[8 * stride] = pool("pool5")(x)  # 6
        if num_classes is not None:
            x = layers.Flatten()(x)
            dense = {"activation": "relu", "kernel_initializer": "he_normal"}
            for name in ("dense6", "features"):
                x = layers.Dropout(dropout)(layers.Dense(units, name=name, **dense)(x))
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
