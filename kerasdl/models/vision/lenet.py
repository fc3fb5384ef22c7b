"""LeNet-5: the network that read cheques."""

import keras
from keras import layers

from kerasdl.models.network import Network
from kerasdl.models.vision import images

VARIANTS = {"LeNet5": {"lenet5": {}, "lenet5_tiny": {"input_shape": (8, 8, 1)}}}


@keras.saving.register_keras_serializable(package="kerasdl")
class LeNet5(Network):
    """Two convolutions with pooling, three dense layers: the pattern of all that followed.

    Images of 28 pixels become 28, 14, 10 and 5 pixels wide, 400 values, 120, 84 and 10. Of images
    below 12 pixels too little is left for the second 5x5 convolution, so there it is padded as the
    first one is: 8, 4, 4 and 2 pixels.

    Args:
        num_classes: Number of logits.
        input_shape: (height, width, channels).

    Reference: LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to Document
    Recognition; tanh and mean pooling are theirs, the full second convolution and the linear
    output are today's.
    Spec: CNA-04
    """

    def __init__(self, num_classes=10, input_shape=(28, 28, 1), **kwargs):
        images.check(input_shape, smallest=4)
        padding = "valid" if min(input_shape[:2]) >= 12 else "same"
        inputs = keras.Input(input_shape)  # 28
        x = layers.Conv2D(6, 5, padding="same", activation="tanh", name="conv1")(inputs)
        x = layers.AveragePooling2D(2, name="pool1")(x)  # 14
        x = layers.Conv2D(16, 5, padding=padding, activation="tanh", name="conv2")(x)  # 10
        x = layers.AveragePooling2D(2, name="pool2")(x)  # 5
        x = layers.Flatten()(x)
        x = layers.Dense(120, activation="tanh", name="dense1")(x)
        x = layers.Dense(84, activation="tanh", name="features")(x)
        super().__init__(inputs, layers.Dense(num_classes, name="logits")(x), **kwargs)
