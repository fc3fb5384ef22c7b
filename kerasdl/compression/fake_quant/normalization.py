"""Layer normalization that stays float in an int8 file."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="kerasdl")
class FloatLayerNormalization(layers.Wrapper):
    """A layer normalization written so that the converter keeps its mean float.

    A plain mean becomes an int8 operator with the scale of its input, whose rounding error shifts
    the whole row. A sum of x_i / n stays float.

        m = sum_i x_i / n        y = gamma (x - m) / sqrt(mean((x - m)^2) + epsilon) + beta

    Args:
        layer: A built `LayerNormalization` over the last axis, whose weights are used.

    Input and output shape: (batch, ..., width)
    """

    def __init__(self, layer: layers.Layer, **kwargs):
        super().__init__(layer, **{"dtype": "float32", **kwargs})
        self.supports_masking = True

    def call(self, inputs):
        layer = self.layer
        centered = inputs - ops.sum(inputs * (1 / inputs.shape[-1]), axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=-1, keepdims=True)
        y = centered * ops.rsqrt(variance + layer.epsilon)
        if layer.scale:
            y = y * layer.gamma
        return y + layer.beta if layer.center else y

    def compute_output_shape(self, input_shape):
        return input_shape


def is_supported(layer, rank: int) -> bool:
    """Return whether a layer is a `LayerNormalization` over the last axis."""
    return (
        type(layer) is layers.LayerNormalization
        and layer.axis in (-1, rank - 1, [-1], [rank - 1], (-1,), (rank - 1,))
        and not getattr(layer, "rms_scaling", False)
    )
