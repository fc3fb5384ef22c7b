"""DropConnect: dropout of connections, not of neurons."""

import keras
from keras import activations, layers, ops

from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class DropConnect(layers.Layer):
    """A dense layer of which each weight is missing with some chance in each training step.

    Dropout silences a neuron for everyone; here each neuron of the layer misses other inputs. What
    is left is scaled up, so that the mean is the dense layer's, and nothing happens when judging.
    One mask serves a whole batch.

        y = f( x (W m) / (1 - p) + b )        m ~ Bernoulli(1 - p), of the shape of W

    Args:
        units: Neurons.
        rate: p.
        activation: Name of f; `None` for none.
        seed: Where the drawing starts; `None` takes one from Python's generator.

    Input shape: (..., inputs)
    Output shape: (..., units)

    Example:
        >>> DropConnect(3, rate=0.2)(keras.ops.ones((2, 5))).shape
        TensorShape([2, 3])

    Spec: REG-05
    Reference: Wan, Zeiler, Zhang, LeCun, Fergus (2013), Regularization of Neural Networks using
    DropConnect.
    """

    def __init__(self, units, rate=0.5, activation=None, seed=None, **kwargs):
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
