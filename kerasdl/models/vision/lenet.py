"""LeNet-5: two convolutions with pooling and three dense layers."""

import keras
from keras import layers

from kerasdl.models.network import Classifier
from kerasdl.utils import checks

VARIANTS = {"LeNet5": {"lenet5": {}, "lenet5_tiny": {"input_shape": (8, 8, 1)}}}


@keras.saving.register_keras_serializable(package="kerasdl")
class LeNet5(Classifier):
    """Two convolutions with pooling, then three dense layers.

    Images of 28 pixels become 28, 14, 10 and 5 pixels wide, then 400 values, 120, 84 and 10.
    Smaller images are first enlarged to 28 pixels, so that 5x5 kernels see strokes and not whole
    digits.

    Args:
        num_classes: int, number of logits; None leaves out the classifier.
        input_shape: tuple, (height, width, channels).

    Reference: LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to Document
    Recognition. The publication has tanh, mean pooling, a sparse second convolution and distances
    to drawn digits in place of ReLU, max pooling, a full convolution and a linear output.
    """

    def __init__(
        self,
        num_classes: int | None = 10,
        input_shape: tuple[int, int, int] = (28, 28, 1),
        **kwargs,
    ):
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
