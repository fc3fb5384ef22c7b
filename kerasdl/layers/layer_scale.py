"""Layer scale: a learned factor for each channel of a residual branch."""

import keras
from keras import initializers, layers

from kerasdl import errors
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class LayerScale(layers.Layer):
    """Multiply each channel by a learned number, which is small at the start.

    In `x + LayerScale(F(x))` a new block is nearly the identity, so that very deep networks train
    from the start, and each channel of F enters when it is useful.

        y = x g        g of shape (channels,), at first `initial` everywhere

    Args:
        initial: float, each number at the start.

    Input and output shape: (..., channels)

    Example:
        >>> LayerScale(initial=0.5)(keras.ops.ones((1, 2)))
        <tf.Tensor: shape=(1, 2), dtype=float32, numpy=array([[0.5, 0.5]], dtype=float32)>

    Reference: Touvron et al. (2021), Going deeper with Image Transformers.
    """

    def __init__(self, initial: float = 1e-6, **kwargs):
        super().__init__(**kwargs)
        checks.numbers(initial=initial)
        self.initial = initial

    def build(self, input_shape):
        sizes = checks.dimensions(input_shape)
        if not sizes or sizes[-1] is None:
            expected = "shape (..., channels) with known channels"
            raise errors.InvalidInput("input of LayerScale", expected, input_shape)
        start = initializers.Constant(self.initial)
        self.scale = self.add_weight((input_shape[-1],), start, name="scale")

    def call(self, inputs):
        return inputs * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape
