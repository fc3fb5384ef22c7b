"""Layers with weights, computing with the 255 values that an int8 kernel can hold."""

import keras
from keras import layers, ops

from kerasdl.compression.fake_quant import operations
from kerasdl.compression.fake_quant.activations import FakeQuantize


@keras.saving.register_keras_serializable(package="kerasdl")
class FakeQuantizeWeights(layers.Wrapper):
    """A layer that computes with its kernel rounded to int8, followed by its batch normalization.

    The layer's own variables are trained. Batch normalization keeps the statistics that it has
    learned and becomes part of the kernel, as in the file: nothing depends on the batch any more,
    while gamma and beta learn on.

        k = gamma / sqrt(variance + epsilon)
        y = f(round(k W) x + k (b - mean) + beta)

    Args:
        layer: A convolution, dense layer, embedding or batch normalization, which is built.
        norm: The `BatchNormalization` that follows it, or `None`.

    Input and output shape: those of `layer`
    """

    def __init__(self, layer, norm=None, **kwargs):
        super().__init__(layer, **{"dtype": "float32", **kwargs})
        self.norm = norm
        self.supports_masking = layer.supports_masking
        self.operation = operations.OPERATIONS[type(layer)]
        if isinstance(layer, operations.SEPARABLE):
            self.between = FakeQuantize(name="between")

    def build(self, input_shape=None):
        super().build(input_shape)
        if isinstance(self.layer, operations.SEPARABLE):
            self.between.build(())
        if self.norm is not None and not self.norm.built:
            self.norm.build(self.layer.compute_output_shape(input_shape))

    def call(self, inputs, training=False, **options):
        return self.operation(self, inputs, training, **options)

    def rounded(self, name, axes, training, factor=None):
        """The layer's kernel of that name, multiplied by `factor`, one scale for each `axes`."""
        kernel = ops.convert_to_tensor(getattr(self.layer, name))
        axes = [axis % len(kernel.shape) for axis in axes]
        if factor is not None:
            shape = [size if axis in axes else 1 for axis, size in enumerate(kernel.shape)]
            kernel = kernel * ops.reshape(factor, shape)
        return operations.round_weights(kernel, axes, training)

    def fold(self):
        """What the batch normalization multiplies by, and what it adds."""
        return (None, None) if self.norm is None else operations.fold(self.norm)

    def finish(self, outputs, factor=None, offset=None):
        """Add the bias, and apply an activation that LiteRT fuses; others follow on their own."""
        bias = getattr(self.layer, "bias", None)
        if factor is not None:
            bias = offset if bias is None else offset + factor * bias
        if bias is not None:
            outputs = outputs + bias
        activation = self.layer.activation
        return activation(outputs) if activation in operations.FUSED else outputs

    def compute_mask(self, inputs, mask=None):
        return self.layer.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape, **options):
        return self.layer.compute_output_shape(input_shape, **options)

    def get_config(self):
        norm = self.norm and keras.saving.serialize_keras_object(self.norm)
        return {**super().get_config(), "norm": norm}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        norm = config.pop("norm")
        if norm is not None:
            norm = keras.saving.deserialize_keras_object(norm, custom_objects)
        layer = keras.saving.deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, norm, **config)
