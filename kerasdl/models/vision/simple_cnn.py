"""A plain convolutional network."""

import keras
from keras import layers

from kerasdl.models.network import Classifier, Shape
from kerasdl.utils import checks

VARIANTS = {
    "SimpleCNN": {
        "simple_cnn": {},
        "simple_cnn_tiny": {"widths": (16, 32, 64), "units": 64, "input_shape": (8, 8, 1)},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class SimpleCNN(Classifier):
    """Stages of convolution, batch normalization, ReLU and pooling, then a dense layer.

    For images of 32 pixels the shapes are 32, 16, 8, 4 pixels and 2048 flattened values.

    Args:
        widths: tuple of ints, channels of each stage.
        units: int, width of the dense layer.
        dropout: float, fraction of the dense layer's units that training drops, in [0, 1).
        num_classes: int, number of logits; None leaves out the classifier.
        input_shape: tuple, (height, width, channels). Each stage halves height and width.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128),
        units: int = 512,
        dropout: float = 0.5,
        num_classes: int | None = 10,
        input_shape: Shape = (32, 32, 3),
        **kwargs,
    ):
        checks.integer_tuples(empty=True, widths=widths)
        checks.integers(units=units)
        checks.integers(optional=True, num_classes=num_classes)
        checks.fractions(dropout=dropout)
        checks.image_shapes(
            smallest=2 ** len(widths), any_size=num_classes is None, input_shape=input_shape
        )
        x = inputs = keras.Input(input_shape)  # 32
        pyramid = {}
        for stage, width in enumerate(widths):  # 16, 8, 4
            x = layers.Conv2D(width, 3, padding="same", name=f"conv{stage + 1}")(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = pyramid[2**stage] = layers.ReLU()(x)
            x = layers.MaxPooling2D()(x)
        pyramid[2 ** len(widths)] = x
        if num_classes is not None:
            x = layers.Flatten()(x)
            x = layers.Dense(units, activation="relu", name="features")(x)
            x = layers.Dropout(dropout)(x)
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
