"""Stochastic pooling: sample one value of each window in proportion to its value."""

import keras
from keras import layers, ops

from kerasdl.layers import windows
from kerasdl.layers.noise import replica_uniform
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class StochasticPooling2D(layers.Layer):
    """Sample one value of each window with a probability in proportion to it.

    It regularizes like dropout, but needs no rate. At inference the output is the expected value of
    the sample. Negative values count as 0, as after a ReLU. A window of zeros gives 0.

        P(i) = x_i / sum x        training: y = x_i        else: y = sum P(i) x_i

    Args:
        pool_size: int, side of the windows, which do not overlap; a divisor of the image's sides.
        seed: int, seed of the samples; by default random.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / pool_size, width / pool_size, channels)

    Example:
        >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([1.0, 3.0, 0.0, 0.0]), (1, 2, 2, 1))
        >>> float(StochasticPooling2D(2)(x)[0, 0, 0, 0])  # (1 + 9) / 4
        2.5

    Reference: Zeiler, Fergus (2013), Stochastic Pooling for Regularization of Deep Convolutional
    Neural Networks.
    """

    def __init__(self, pool_size: int = 2, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        checks.integers(pool_size=pool_size)
        checks.integers(at_least=0, optional=True, seed=seed)
        self.pool_size = pool_size
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        windows.check(self, input_shape)

    def call(self, inputs, training=False):
        # squares and sums overflow 16 bits
        x = ops.cast(ops.relu(inputs), keras.backend.result_type(inputs.dtype, "float32"))
        if not training:
            squares = ops.average_pool(ops.square(x), self.pool_size)
            means = ops.average_pool(x, self.pool_size)
            mean = squares / ops.maximum(means, keras.config.epsilon())
            return ops.cast(mean, self.compute_dtype)
        x = windows.split(x, self.pool_size)  # (batch, rows, columns, window, channels)
        parts = ops.cumsum(x, axis=3)
        whole = parts[:, :, :, -1:]
        # the first value at which the cumulative sum passes the random number
        drawn = replica_uniform(ops.shape(whole), self.seed_generator, x.dtype) * whole
        winner = ops.cast(parts > drawn, x.dtype)
        winner = winner - ops.concatenate([ops.zeros_like(whole), winner[:, :, :, :-1]], axis=3)
        # (batch, rows, columns, channels)
        return ops.cast(ops.sum(x * winner, axis=3), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return windows.smaller(input_shape, self.pool_size)
