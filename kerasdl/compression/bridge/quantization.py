"""TFMOT's quantization-aware training, extended to all networks that `to_tf_keras` makes."""

import contextlib
from collections.abc import Iterable

import tensorflow as tf

from kerasdl.compression.bridge import opaque
from kerasdl.compression.bridge.tfmot import (
    cluster_preserve,
    configs,
    layout,
    prune_preserve,
    quant_ops,
    quantize_annotate,
    quantize_aware_activation,
    quantize_wrapper,
    registry,
    tf_keras,
    tfmot,
)
from kerasdl.utils import patches

# operations that only move values: a quantized input gives a quantized output
MOVES = {
    *("ExpandDims", "GetItem", "Pad", "Reshape", "Squeeze", "Transpose", "Identity", "Flatten"),
    *("Split", "SwapAxes", "Moveaxis", "BroadcastTo", "Stack", "Repeat", "Tile", "Cast"),
    "Resizing",  # its output has the scale of its input in LiteRT
}
# layers whose output has the scale of their input in LiteRT
SAME_SCALE = (
    tf_keras.layers.InputLayer,
    *(tf_keras.layers.AveragePooling1D, tf_keras.layers.AveragePooling2D),
    *(tf_keras.layers.UpSampling1D, tf_keras.layers.UpSampling2D),
)
CONVOLUTIONS = (
    tf_keras.layers.Conv2D,
    tf_keras.layers.DepthwiseConv2D,
    tf_keras.layers.Dense,
)
FOLDING = ("Conv2D", "DepthwiseConv2D", "Dense")  # layers that a normalization is folded into
EXTRA = {
    tf_keras.layers.Conv1D: (["kernel"], ["activation"], False),
    tf_keras.layers.Embedding: (["embeddings"], [], False),
}


@tf_keras.utils.register_keras_serializable(package="kerasdl")
class Scaling(tf_keras.layers.BatchNormalization):
    """Batch normalization that is computed as a 1x1 depthwise convolution at inference.

    LiteRT folds a normalization into the convolution before it. Without one it would compute in
    floats. As a convolution it has an int8 factor and a scale for each channel, which is exact.

        k = gamma / sqrt(variance + epsilon)        y = k x + (beta - k mean)
    """

    def call(self, inputs, training=None):
        if tf.is_tensor(training):  # while tf_keras builds its graph
            normalize = super().call
            return tf.cond(
                training, lambda: normalize(inputs, True), lambda: self._convolve(inputs)
            )
        if training and self.trainable:
            return super().call(inputs, training=True)
        return self._convolve(inputs)

    def _convolve(self, inputs):
        factor = tf.math.rsqrt(self.moving_variance + self.epsilon)
        factor = factor * self.gamma if self.scale else factor
        offset = -self.moving_mean * factor
        offset = offset + self.beta if self.center else offset
        wide = inputs if inputs.shape.rank == 4 else tf.reshape(inputs, (-1, 1, 1, factor.shape[0]))
        kernel = tf.reshape(factor, (1, 1, -1, 1))
        outputs = tf.nn.depthwise_conv2d(wide, kernel, (1, 1, 1, 1), "VALID") + offset
        return outputs if inputs.shape.rank == 4 else tf.reshape(outputs, tf.shape(inputs))


def _replace_lone_normalization(network):
    """Replace each batch normalization that no convolution can fold by `Scaling`."""

    def choose(layer):
        kind = Scaling if _is_alone(layer, network) else type(layer)
        return kind.from_config(layer.get_config())

    found = tf_keras.models.clone_model(network, clone_function=choose)
    found.set_weights(network.get_weights())
    return found


def _is_alone(layer, network):
    """Return whether no convolution has this normalization as its only reader."""
    if type(layer) is not tf_keras.layers.BatchNormalization or len(layer._inbound_nodes) != 1:
        return False
    if list(layer.axis) != [layer.output.shape.rank - 1]:
        return False
    before = layer._inbound_nodes[0].inbound_layers
    return (
        type(before).__name__ not in FOLDING
        or before.activation is not tf_keras.activations.linear
        or len(before._outbound_nodes) != 1
        or any(before.output is output for output in network.outputs)
    )


class Registry:
    """How each layer is quantized: as in TFMOT, or only its output if TFMOT refuses the layer.

    Args:
        keep_zeros: bool, whether zero weights stay zero.
        clusters: int, kernels with at most so many distinct values stay clustered; 0 for none.
        floats: Names of the layers that are not quantized.
        fused: Names of the layers that are quantized together with the ReLU after them.
    """

    def __init__(self, keep_zeros, clusters, floats, fused):
        self.default = registry.Default8BitQuantizeRegistry()
        self.keep_zeros = keep_zeros
        self.clusters = clusters
        self.floats = floats
        self.fused = fused

    def supports(self, layer):
        return layer.name not in self.floats

    def get_quantize_config(self, layer):
        if self.default.supports(layer):
            config = self.default.get_quantize_config(layer)
        elif type(layer) in EXTRA:
            config = registry.Default8BitQuantizeConfig(*EXTRA[type(layer)])
        else:
            fused = layer.name in self.fused
            return configs.Default8BitOutputQuantizeConfig(quantize_output=not fused)
        names = getattr(config, "weight_attrs", None)
        if names and not isinstance(layer, tf_keras.layers.DepthwiseConv2D):
            self._preserve(config, getattr(layer, names[0]))
        return config

    def _preserve(self, config, kernel):
        """Choose a quantizer per layer. TFMOT's registries use one for all layers of a kind."""
        per_channel = isinstance(config, registry.Default8BitConvQuantizeConfig)
        has_zeros = self.keep_zeros and bool(tf.reduce_any(kernel == 0))
        values = tf.size(tf.unique(tf.reshape(kernel, [-1]))[0])
        if 1 < values <= self.clusters:
            kinds = (
                cluster_preserve.ClusterPreserveDefault8BitWeightsQuantizer,
                cluster_preserve.ClusterPreserveDefault8BitConvWeightsQuantizer,
            )
            config.weight_quantizer = kinds[per_channel](has_zeros)
        elif has_zeros:
            kinds = (
                prune_preserve.PrunePreserveDefault8BitWeightsQuantizer,
                prune_preserve.PrunePreserveDefault8BitConvWeightsQuantizer,
            )
            config.weight_quantizer = kinds[per_channel]()


class Scheme(tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme):
    """TFMOT's default scheme with another registry and layout transform."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def get_quantize_registry(self):
        return self.layers

    def get_layout_transformer(self):
        return Layout()


class Layout(layout.Default8BitQuantizeLayoutTransform):
    """TFMOT's fusing of layers, without quantizing integer inputs such as tokens."""

    def apply(self, model, layer_quantize_map):
        for layer in model._input_layers:
            users = [node.outbound_layer for node in layer._outbound_nodes]
            tokens = any(isinstance(user, tf_keras.layers.Embedding) for user in users)
            if tokens or not layer.output.dtype.is_floating:
                layer_quantize_map.pop(layer.name, None)
        model, layer_quantize_map = super().apply(model, layer_quantize_map)
        for layer in model.layers:
            config = layer_quantize_map.get(layer.name, {}).get("quantize_config")
            if type(layer) in CONVOLUTIONS and isinstance(config, configs.NoOpQuantizeConfig):
                # a ReLU follows, so TFMOT quantizes neither output nor, wrongly, weights
                layer.activation = quantize_aware_activation.NoOpActivation()
                layer_quantize_map[layer.name] = {"quantize_config": None}
        return model, layer_quantize_map


def quantize(
    network: tf_keras.Model, *, keep_zeros: bool = False, clusters: int = 0
) -> tf_keras.Model:
    """Return the network with fake quantization added.

    Args:
        network: A network that `to_tf_keras` returned.
        keep_zeros: bool, whether the zeros of a pruned network stay zeros.
        clusters: int, the largest number of distinct weights in a clustered kernel; 0 if the
            network is not clustered.
    """
    network = _replace_lone_normalization(network)
    floats = {layer.name for layer in network.layers if _is_left_alone(layer)}
    fused = {layer.name for layer in network.layers if _is_fused(layer)}

    def annotate(layer):
        return layer if layer.name in floats else quantize_annotate.QuantizeAnnotate(layer)

    one_set = patches.replaced(cluster_preserve, "get_centroids", _centroids)
    with one_set, tfmot.quantization.keras.quantize_scope():
        annotated = tf_keras.models.clone_model(network, clone_function=annotate)
        scheme = Scheme(Registry(keep_zeros, clusters, floats, fused))
        return tfmot.quantization.keras.quantize_apply(annotated, scheme)


def _centroids(layer, weight, data_format):
    """One set of centroids per kernel. TFMOT makes one per channel of a convolution."""
    values, index = cluster_preserve.get_unique(weight)
    return values, tf.size(values), index, False


def _is_left_alone(layer):
    if isinstance(layer, SAME_SCALE):
        return True
    if isinstance(layer, opaque.Opaque) and layer.kind in MOVES:
        return True
    if len(layer._inbound_nodes) != 1 or not isinstance(layer.output, opaque.OldKerasTensor):
        return True  # TFMOT's wrappers support only one call and one output
    return is_masked(layer) or not layer.output.dtype.is_floating


def _is_fused(layer):
    after = [node.outbound_layer for node in layer._outbound_nodes]
    is_relu = len(after) == 1 and isinstance(after[0], tf_keras.layers.ReLU)
    return is_relu and isinstance(layer, Scaling)


def is_masked(layer: tf_keras.layers.Layer) -> bool:
    """Return whether a layer gets or passes on a mask, which TFMOT's wrappers lose."""
    if len(layer._inbound_nodes) != 1:
        return False
    tensors = tf.nest.flatten([layer.output, layer.input])
    return any(getattr(tensor, "_keras_mask", None) is not None for tensor in tensors)


def untouched(network: tf_keras.Model) -> list[str]:
    """Return the names of the layers that have weights and compute in floats."""
    names = []
    for layer in network.layers:
        wrapped = isinstance(layer, quantize_wrapper.QuantizeWrapper)
        inner = layer.layer if wrapped else layer
        config = getattr(layer, "quantize_config", None)
        folded = isinstance(inner, tf_keras.layers.BatchNormalization) and wrapped
        quantized = bool(getattr(config, "weight_attrs", None)) or folded
        if inner.weights and not quantized and not _is_quantizer(inner):
            names.append(inner.name)
    return names


def _is_quantizer(layer):
    return type(layer).__name__ == "QuantizeLayer"


def calibrate(network: tf_keras.Model, batches: Iterable) -> None:
    """Set the initial ranges of weights and activations to measured ones.

    TFMOT starts with [-6, 6], and its moving average replaces a thousandth of that in each step.

    Args:
        network: A network that `quantize` returned.
        batches: A few batches of inputs.
    """
    ranges = {}

    def record(inputs, min_var, max_var, **_):
        ranges[min_var.ref()] = min_var
        ranges[max_var.ref()] = max_var
        min_var.assign(tf.minimum(min_var, tf.reduce_min(inputs)))
        max_var.assign(tf.maximum(max_var, tf.reduce_max(inputs)))
        return inputs

    def record_weights(inputs, min_var, max_var, per_channel=False, **_):
        axes = range(len(inputs.shape) - 1) if per_channel else None
        largest = tf.reduce_max(tf.abs(inputs), axis=axes and list(axes))
        min_var.assign(-largest)
        max_var.assign(largest)
        return inputs

    @tf.function(autograph=False)
    def run(inputs):
        return network(inputs, training=False)

    with contextlib.ExitStack() as stack:
        for name, function in (
            ("MovingAvgQuantize", record),
            ("AllValuesQuantize", record),
            ("LastValueQuantize", record_weights),
        ):
            stack.enter_context(patches.replaced(quant_ops, name, function))
        for number, batch in enumerate(batches):
            if number == 0:
                run.get_concrete_function(batch)
                for variable in ranges.values():
                    variable.assign(tf.zeros_like(variable))  # every range contains zero
            run(batch)
