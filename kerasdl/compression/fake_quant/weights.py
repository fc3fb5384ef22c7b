"""Layers that compute with weights rounded to the 255 values of an int8 kernel."""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasdl.compression.fake_quant.activations import FakeQuantize

SMALLEST = 1e-12  # largest weight assumed for a channel of zeros, so that its scale is not zero
FUSED = (keras.activations.linear, keras.activations.relu, keras.activations.relu6)
SEPARABLE = layers.SeparableConv1D | layers.SeparableConv2D


@keras.saving.register_keras_serializable(package="kerasdl")
class FakeQuantizeWeights(layers.Wrapper):
    """Compute a layer, and the batch normalization after it, with weights rounded to int8.

    The layer's own variables are trained. As in the file, batch normalization is folded into the
    kernel with its moving statistics, which are fixed now; gamma and beta are still trained.

        k = gamma / sqrt(variance + epsilon)
        y = f(round(k W) x + k (b - mean) + beta)

    Args:
        layer: A built convolution, dense layer, embedding or batch normalization.
        norm: The `BatchNormalization` after it; by default none.

    Input and output shape: those of `layer`
    """

    def __init__(
        self, layer: layers.Layer, norm: layers.BatchNormalization | None = None, **kwargs
    ):
        super().__init__(layer, **{"dtype": "float32", **kwargs})
        self.norm = norm
        self.supports_masking = layer.supports_masking
        self.operation = OPERATIONS[type(layer)]
        if isinstance(layer, SEPARABLE):
            self.between = FakeQuantize(name="between")

    def build(self, input_shape=None):
        super().build(input_shape)
        if isinstance(self.layer, SEPARABLE):
            self.between.build(())
        if self.norm is not None and not self.norm.built:
            self.norm.build(self.layer.compute_output_shape(input_shape))

    def call(self, inputs, training=False, **options):
        return self.operation(self, inputs, training, **options)

    def rounded(self, name, axes, training, factor=None):
        """Return a kernel of the layer times `factor`, rounded, one scale for each of `axes`."""
        kernel = ops.convert_to_tensor(getattr(self.layer, name))
        axes = [axis % len(kernel.shape) for axis in axes]
        if factor is not None:
            shape = [size if axis in axes else 1 for axis, size in enumerate(kernel.shape)]
            kernel = kernel * ops.reshape(factor, shape)
        return round_weights(kernel, axes, training)

    def fold(self):
        """Return the factor and offset of the batch normalization, `None` without one."""
        return (None, None) if self.norm is None else fold(self.norm)

    def finish(self, outputs, factor=None, offset=None):
        """Add the bias and apply the activation if LiteRT fuses it; others are separate layers."""
        bias = getattr(self.layer, "bias", None)
        if factor is not None:
            bias = offset if bias is None else offset + factor * bias
        if bias is not None:
            outputs = outputs + bias
        activation = self.layer.activation
        return activation(outputs) if activation in FUSED else outputs

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


def round_weights(weights, axes, training):
    """Round weights to integers from -127 to 127 times one scale for each index of `axes`.

        s_c = max |w_c| / 127        w_c' = s_c round(w_c / s_c)

    Zeros stay zeros. Gradients pass unchanged. The converter computes the same scales from the
    rounded weights.
    """
    others = [axis for axis in range(len(weights.shape)) if axis not in axes]
    largest = tf.reduce_max(tf.abs(weights), axis=others, keepdims=True)
    scale = tf.maximum(largest, SMALLEST) / 127
    rounded = tf.round(weights / scale) * scale
    return weights + tf.stop_gradient(rounded - weights) if training else rounded


def fold(norm):
    """Return the factor and offset of a batch normalization at inference."""
    factor = ops.rsqrt(norm.moving_variance + norm.epsilon)
    if norm.scale:
        factor = factor * norm.gamma
    offset = -norm.moving_mean * factor
    return factor, offset + norm.beta if norm.center else offset


def dense(wrapper, x, training):
    factor, offset = wrapper.fold()
    kernel = wrapper.rounded("kernel", [-1], training, factor)
    return wrapper.finish(ops.matmul(x, kernel), factor, offset)


def einsum_dense(wrapper, x, training):
    layer = wrapper.layer
    inputs, weights, outputs = layer.equation.replace("->", ",").split(",")
    axes = [weights.index(axis) for axis in weights if axis in outputs and axis not in inputs]
    kernel = wrapper.rounded("kernel", axes, training)
    return wrapper.finish(ops.einsum(layer.equation, x, kernel))


def convolution(wrapper, x, training):
    factor, offset = wrapper.fold()
    layer = wrapper.layer
    kernel = wrapper.rounded("kernel", [-1], training, factor)
    padding = layer.padding
    if padding == "causal":
        x = ops.pad(x, [[0, 0], [layer.dilation_rate[0] * (layer.kernel_size[0] - 1), 0], [0, 0]])
        padding = "valid"
    y = ops.conv(x, kernel, layer.strides, padding, layer.data_format, layer.dilation_rate)
    return wrapper.finish(y, factor, offset)


def depthwise(wrapper, x, training):
    layer = wrapper.layer
    factor, offset = wrapper.fold()
    kernel = wrapper.rounded("kernel", [-2, -1], training, factor)
    place = (layer.strides, layer.padding, layer.data_format, layer.dilation_rate)
    return wrapper.finish(ops.depthwise_conv(x, kernel, *place), factor, offset)


def separable(wrapper, x, training):
    layer = wrapper.layer
    factor, offset = wrapper.fold()
    kernel = wrapper.rounded("depthwise_kernel", [-2, -1], training)
    place = (layer.strides, layer.padding, layer.data_format, layer.dilation_rate)
    x = wrapper.between(ops.depthwise_conv(x, kernel, *place), training=training)
    kernel = wrapper.rounded("pointwise_kernel", [-1], training, factor)
    return wrapper.finish(ops.conv(x, kernel, 1, "valid"), factor, offset)


def transposed(wrapper, x, training):
    layer = wrapper.layer
    factor, offset = wrapper.fold()
    kernel = wrapper.rounded("kernel", [-2], training, factor)
    y = ops.conv_transpose(
        x,
        kernel,
        layer.strides,
        layer.padding,
        layer.output_padding,
        layer.data_format,
        layer.dilation_rate,
    )
    return wrapper.finish(y, factor, offset)


def normalization(wrapper, x, training):
    """Compute batch normalization without a convolution before it as a 1x1 depthwise convolution.

    Each channel has a scale of its own, so the factors are exact in int8.
    """
    factor, offset = fold(wrapper.layer)
    wide = x if len(x.shape) == 4 else ops.reshape(x, (-1, 1, 1, x.shape[-1]))
    y = ops.depthwise_conv(wide, factor[None, None, :, None]) + offset
    return y if len(x.shape) == 4 else ops.reshape(y, ops.shape(x))


def embedding(wrapper, tokens, training, reverse=False):
    """Look up rows of a table with one scale; in reverse, multiply by rows with a scale each."""
    layer = wrapper.layer
    if not reverse:
        table = ops.convert_to_tensor(layer.embeddings)
        end = tf.maximum(tf.reduce_max(tf.abs(table)), SMALLEST)
        # without this operator, the converter would keep the rounded weights as floats
        fake_quant = tf.quantization.fake_quant_with_min_max_vars
        table = fake_quant(table, -end, end, narrow_range=True)
        return tf.gather(table, ops.cast(tokens, "int32"))
    if layer.tie_weights:
        kernel = ops.transpose(wrapper.rounded("embeddings", [0], training))
    else:
        kernel = wrapper.rounded("reverse_embeddings", [-1], training)
    return ops.matmul(tokens, kernel)


OPERATIONS = {
    layers.Dense: dense,
    layers.EinsumDense: einsum_dense,
    layers.Conv1D: convolution,
    layers.Conv2D: convolution,
    layers.DepthwiseConv1D: depthwise,
    layers.DepthwiseConv2D: depthwise,
    layers.SeparableConv1D: separable,
    layers.SeparableConv2D: separable,
    layers.Conv1DTranspose: transposed,
    layers.Conv2DTranspose: transposed,
    layers.BatchNormalization: normalization,
    layers.Embedding: embedding,
    layers.ReversibleEmbedding: embedding,
}
FOLDS = frozenset(OPERATIONS) - {
    layers.EinsumDense,
    layers.BatchNormalization,
    layers.Embedding,
    layers.ReversibleEmbedding,
}


def is_supported(layer, rank: int) -> bool:
    """Return whether a layer computes in int8. Others stay float between quantized tensors."""
    if type(layer) is layers.BatchNormalization:
        return layer.axis in (-1, rank - 1)
    if type(layer) is layers.EinsumDense:
        inputs, weights, outputs = layer.equation.replace("->", ",").split(",")
        if set(inputs) & set(weights) & set(outputs):
            return False  # the kernel differs along an axis of the input
    return (
        type(layer) in OPERATIONS
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and getattr(layer, "quantization_mode", None) is None
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "logit_soft_cap", None) is None
    )
