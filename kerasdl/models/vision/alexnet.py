"""AlexNet: the network that turned computer vision to deep learning."""

import keras
from keras import layers

from kerasdl import errors
from kerasdl.layers.local_response_normalization import LocalResponseNormalization
from kerasdl.models.network import Classifier
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
    between two graphics cards; pooling windows overlap, 3 pixels wide and 2 apart; neighbouring
    channels compete (`LocalResponseNormalization`); dropout guards the dense layers, which hold
    96 % of the parameters. The notes let it introduce ReLU and dropout: it made both popular.

    Args:
        widths: Channels of the five convolutions, multiples of `groups`.
        units: Width of the two hidden dense layers.
        groups: Groups of the second, fourth and fifth convolution; 1 for a network in one piece.
        dropout: Share of the dense layers' units that are silenced while training.
        stem: "imagenet" (11x11 stride 4, unpadded) or "small" (3x3, for images of 8 to 64 pixels).
        num_classes: Number of logits.
        input_shape: (height, width, channels).

    Reference: Krizhevsky, Sutskever, Hinton (2012), ImageNet Classification with Deep Convolutional
    Neural Networks. Their text says 224 pixels; their 55 follow from 227.
    Spec: CNA-05, CNA-06, CNA-07, CNA-08, CNA-09, E-27
    """

    def __init__(
        self,
        widths=(96, 256, 384, 384, 256),
        units=4096,
        groups=2,
        dropout=0.5,
        stem="imagenet",
        num_classes=1000,
        input_shape=(227, 227, 3),
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
