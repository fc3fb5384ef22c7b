"""LeNet-5: the network that read cheques."""

import keras
from keras import layers

from kerasdl.models.network import Classifier
from kerasdl.utils import checks

VARIANTS = {"LeNet5": {"lenet5": {}, "lenet5_tiny": {"input_shape": (8, 8, 1)}}}


@keras.saving.register_keras_serializable(package="kerasdl")
class LeNet5(Classifier):
    """Two convolutions with pooling, three dense layers: the pattern of all that followed.

    Images of 28 pixels become 28, 14, 10 and 5 pixels wide, 400 values, 120, 84 and 10. Smaller
    ones, such as the digits of 8 pixels, are first enlarged to 28, so that 5x5 windows see strokes
    and not whole digits.

    Args:
        num_classes: Number of logits.
        input_shape: (height, width, channels).

    Reference: LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to Document
    Recognition. ReLU, maximum pooling, a full second convolution and a linear output are today's;
    theirs were tanh, mean pooling, a sparse convolution and distances to drawn digits.
    Spec: CNA-04
    """

    def __init__(self, num_classes=10, input_shape=(28, 28, 1), **kwargs):
        checks.integers(optional=True, num_classes=num_classes)
        checks.image_shapes(smallest=4, input_shape=input_shape)
        x = inputs = keras.Input(input_shape)
        if min(input_shape[:2]) < 28:
            height, width = (max(size, 28) for size in input_shape[:2])
            x = layers.Resizing(height, width, name="enlarge")(x)  # 28
        pyramid = {}
        x = pyramid[1] = layers.Conv2D(6, 5, padding="same", activation="relu", name="conv1")(x)
        x = layers.MaxPooling2D(name="pool1")(x)  # 14
        x = pyramid[2] = layers.Conv2D(16, 5, activation="relu", name="conv2")(x)  # 10
        x = pyramid[4] = layers.MaxPooling2D(name="pool2")(x)  # 5
        if num_classes is not None:
            x = layers.Flatten()(x)
            x = layers.Dense(120, activation="relu", name="dense1")(x)
            x = layers.Dense(84, activation="relu", name="features")(x)
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = pyramid
