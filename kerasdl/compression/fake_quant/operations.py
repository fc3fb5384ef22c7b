"""How each of Keras's layers computes with rounded weights."""

import keras
import tensorflow as tf
from keras import layers, ops

SMALLEST = 1e-12  # a channel of zeros has a scale, too
FUSED = (keras.activations.linear, keras.activations.relu, keras.activations.relu6)
SEPARABLE = layers.SeparableConv1D | layers.SeparableConv2D


def round_weights(weights, axes, training):
    """The nearest values with integers from -127 to 127 and one scale for each index of `axes`.

        s_c = max |w_c| / 127        w_c' = s_c round(w_c / s_c)

    Zeros stay zeros. Gradients pass as if nothing were rounded. The converter finds the same scales
    in the rounded weights again, for the channels of a dense layer as for those of a convolution.
    """
    others = [axis for axis in range(len(weights.shape)) if axis not in axes]
    largest = tf.reduce_max(tf.abs(weights), axis=others, keepdims=True)
    scale = tf.maximum(largest, SMALLEST) / 127
    rounded = tf.round(weights / scale) * scale
    return weights + tf.stop_gradient(rounded - weights) if training else rounded


def fold(norm):
    """Factor and offset of a batch normalization at inference."""
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
    """Batch normalization that follows no convolution, as a depthwise one with 1x1 filters.

    Each channel has a scale of its own, so the factors are exact in int8.
    """
    factor, offset = fold(wrapper.layer)
    wide = x if len(x.shape) == 4 else ops.reshape(x, (-1, 1, 1, x.shape[-1]))
    y = ops.depthwise_conv(wide, factor[None, None, :, None]) + offset
    return y if len(x.shape) == 4 else ops.reshape(y, ops.shape(x))


def embedding(wrapper, tokens, training, reverse=False):
    """Rows of a table with one scale; in reverse, products with rows of a scale each."""
    layer = wrapper.layer
    if not reverse:
        table = ops.convert_to_tensor(layer.embeddings)
        end = tf.maximum(tf.reduce_max(tf.abs(table)), SMALLEST)
        # here the converter wants the operator: rounded numbers alone stay float
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
    """Whether a layer computes in int8; others stay float between quantised tensors."""
    if type(layer) is layers.BatchNormalization:
        return layer.axis in (-1, rank - 1)
    if type(layer) is layers.EinsumDense:
        inputs, weights, outputs = layer.equation.replace("->", ",").split(",")
        if set(inputs) & set(weights) & set(outputs):
            return False  # a kernel for each example of an axis
    return (
        type(layer) in OPERATIONS
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and getattr(layer, "quantization_mode", None) is None
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "logit_soft_cap", None) is None
    )
