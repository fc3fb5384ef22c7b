"""VGG: a deep network of 3x3 convolutions."""

import keras
from keras import layers

from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

VARIANTS = {
    "VGG": {
        "vgg16": {"depths": (2, 2, 3, 3, 3)},
        "vgg19": {"depths": (2, 2, 4, 4, 4)},
        "vgg_tiny": {
            "depths": (1, 1, 2),
            "widths": (32, 64, 128),
            "units": 128,
            "num_classes": 10,
            "input_shape": (8, 8, 1),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class VGG(Classifier):
    """Stages of 3x3 convolutions with pooling between them, then three dense layers.

    Two 3x3 convolutions have the receptive field of one 5x5, three that of one 7x7, with fewer
    weights and more nonlinearities. Images of 224 pixels become 112, 56, 28, 14 and 7 pixels wide.

    Args:
        depths: tuple of ints, number of convolutions in each stage.
        widths: tuple of ints, channels of each stage.
        units: int, width of the two hidden dense layers.
        dropout: float, fraction of the dense layers' units that training drops, in [0, 1).
        num_classes: int, number of logits; None leaves out the classifier.
        input_shape: tuple, (height, width, channels). Each stage halves height and width.

    Reference: Simonyan, Zisserman (2015), Very Deep Convolutional Networks for Large-Scale Image
    Recognition.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (2, 2, 3, 3, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512, 512),
        units: int = 4096,
        dropout: float = 0.5,
        num_classes: int | None = 1000,
        input_shape: Shape = (224, 224, 3),
        **kwargs,
    ):
        checks.integer_tuples(depths=depths)
        checks.integer_tuples(length=len(depths), widths=widths)
        checks.integers(units=units)
        checks.integers(optional=True, num_classes=num_classes)
        checks.fractions(dropout=dropout)
        checks.image_shapes(
            smallest=2 ** len(depths), any_size=num_classes is None, input_shape=input_shape
        )
        trainable = {"activation": "relu", "kernel_initializer": "he_normal"}
        x = inputs = keras.Input(input_shape)  # 224
        pyramid = {}
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            for i in range(depth):
                name = f"stage{stage + 1}_conv{i + 1}"
                x = layers.Conv2D(width, 3, padding="same", name=name, **trainable)(x)
            pyramid[2**stage] = x
            x = layers.MaxPooling2D(name=f"stage{stage + 1}_pool")(x)  # 112, 56, 28, 14, 7
        pyramid[2 ** len(depths)] = x
        if num_classes is not None:
            x = layers.Flatten()(x)
            for name in ("dense1", "features"):
                x = layers.Dense(units, name=name, **trainable)(x)
                x = layers.Dropout(dropout)(x)
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
