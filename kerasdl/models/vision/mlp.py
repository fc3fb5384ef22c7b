"""The multilayer perceptron."""

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

    Without a nonlinearity the layers would equal a single one.

    Args:
        widths: tuple of ints, units of each hidden layer.
        dropout: float, fraction of each hidden layer's units that training drops, in [0, 1).
        num_classes: int, number of logits; None leaves out the classifier.
        input_shape: tuple, shape of an input, which is flattened.

    Reference: Rumelhart, Hinton, Williams (1986), Learning Representations by Back-Propagating
    Errors.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (256, 128),
        dropout: float = 0.2,
        num_classes: int | None = 10,
        input_shape: tuple[int, ...] = (8, 8, 1),
        **kwargs,
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
        self.pyramid: dict[int, keras.KerasTensor] = {}
