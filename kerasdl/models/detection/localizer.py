"""A localization network: the class and the box of the one object in an image."""

import keras
from keras import layers

from kerasdl import optimizers
from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.vision.simple_cnn import SimpleCNN
from kerasdl.utils import checks

VARIANTS = {
    "Localizer": {
        "localizer": {},
        "localizer_tiny": {
            "widths": (16, 32),
            "units": 32,
            "num_classes": 10,
            "input_shape": (8, 8, 1),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class Localizer(Network):
    """One backbone with two heads: the class of the object, and the box around it.

        h = relu(W flatten(backbone(x)))        class logits = A h        box = sigmoid(B h)

    The backbone is a plain convolutional network. Its last map is flattened, not averaged, because
    a mean over positions would lose the object's position. Both losses train the shared layers.

    Args:
        widths: tuple of int, channels of each stage of the backbone; each halves the image.
        units: int, width of the dense layer before the heads.
        num_classes: int, number of class logits.
        input_shape: tuple (height, width, channels).

    Output shape: a dictionary of "class" logits (batch, num_classes) and "box" (batch, 4): x1, y1,
        x2, y2 as fractions of width and height.

    Reference: Sermanet et al. (2014), OverFeat: Integrated Recognition, Localization and Detection
    using Convolutional Networks.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128, 128),
        units: int = 128,
        num_classes: int = 5,
        input_shape: tuple[int, int, int] = (64, 64, 3),
        **kwargs,
    ):
        checks.integers(units=units, num_classes=num_classes)
        checks.integer_tuples(widths=widths)
        checks.image_shapes(smallest=2 ** len(widths), input_shape=input_shape)
        backbone = SimpleCNN(widths, num_classes=None, input_shape=input_shape, name="backbone")
        inputs = keras.Input(input_shape)
        x = layers.Flatten()(backbone(inputs))
        x = layers.Dense(units, activation="relu", name="features")(x)
        outputs = {
            "class": layers.Dense(num_classes, name="class")(x),
            "box": layers.Dense(4, activation="sigmoid", name="box")(x),
        }
        super().__init__(inputs, outputs, **kwargs)

    def training_defaults(self):
        """Cross-entropy for the class, and the Huber loss (smooth L1) for the box."""
        classes = cross_entropy()
        return {
            "optimizer": optimizers.AdamW(1e-3),
            "loss": {"class": classes["loss"], "box": keras.losses.Huber(0.1)},
            "loss_weights": {"class": 1.0, "box": 50.0},
            "metrics": {"class": classes["metrics"]},
        }
