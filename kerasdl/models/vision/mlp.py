"""The multilayer perceptron: every unit sees every input."""

import keras
from keras import layers

from kerasdl.models.network import Classifier
from kerasdl.utils import checks

VARIANTS = {
    "MLP": {
        "mlp": {},
        "mlp_tiny": {"widths": (32,), "dropout": 0.0},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class MLP(Classifier):
    """Dense layers with a ReLU between them, for images and for tables.

        h = relu(W x + b), layer after layer

    Without a nonlinearity the layers would collapse into a single matrix.

    Args:
        widths: Units of each hidden layer.
        dropout: Share of each hidden layer's units that are silenced while training.
        num_classes: Number of logits.
        input_shape: Shape of an input, which is flattened.

    Reference: Rumelhart, Hinton, Williams (1986), Learning Representations by Back-Propagating
    Errors.
    """

    def __init__(
        self, widths=(256, 128), dropout=0.2, num_classes=10, input_shape=(8, 8, 1), **kwargs
    ):
        checks.integer_tuples(empty=True, widths=widths)
        checks.fractions(dropout=dropout)
        checks.integers(optional=True, num_classes=num_classes)
        checks.shapes(known=True, input_shape=input_shape)
        inputs = keras.Input(input_shape)
        x = layers.Flatten()(inputs)
        for i, width in enumerate(widths):
            name = "features" if i == len(widths) - 1 else f"hidden{i + 1}"
            x = layers.Dense(width, activation="relu", kernel_initializer="he_normal", name=name)(x)
            x = layers.Dropout(dropout)(x)
        if num_classes is not None:
            x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(inputs, x, **kwargs)
        self.pyramid = {}
