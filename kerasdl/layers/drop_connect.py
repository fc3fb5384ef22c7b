"""DropConnect: dropout of weights instead of units."""

from collections.abc import Callable

import keras
from keras import activations, layers, ops

from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class DropConnect(layers.Layer):
    """A dense layer that drops each weight with a probability in each training step.

    Dropout removes a unit for the whole next layer; DropConnect removes different inputs of each
    unit. The remaining weights are scaled up, so that the mean is that of the dense layer. At
    inference nothing is dropped. One mask is used for a whole batch.

        y = f( x (W m) / (1 - p) + b )        m ~ Bernoulli(1 - p), of the shape of W

    Args:
        units: int, number of units.
        rate: float, p, the fraction of the weights to drop, in [0, 1).
        activation: str or function, f; by default none.
        seed: int, seed of the masks; by default random.

    Input shape: (..., inputs)
    Output shape: (..., units)

    Example:
        >>> DropConnect(3, rate=0.2)(keras.ops.ones((2, 5))).shape
        TensorShape([2, 3])

    Reference: Wan, Zeiler, Zhang, LeCun, Fergus (2013), Regularization of Neural Networks using
    DropConnect.
    """

    def __init__(
        self,
        units: int,
        rate: float = 0.5,
        activation: str | Callable | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(units=units)
        checks.fractions(rate=rate)
        checks.activations(activation=activation)
        checks.integers(at_least=0, optional=True, seed=seed)
        self.units = units
        self.rate = rate
        self.activation = activation
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, inputs, training=False):
        kernel = self.kernel
        if training and self.rate:
            kernel = keras.random.dropout(kernel, self.rate, seed=self.seed_generator)
        return activations.get(self.activation)(ops.matmul(inputs, kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)
