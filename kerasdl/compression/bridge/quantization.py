"""TFMOT's quantisation-aware training, made to take every network that crosses the bridge."""

from unittest import mock

import tensorflow as tf

from kerasdl.compression.bridge import normalization, opaque
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

# operations that only move numbers: what comes quantised leaves quantised
MOVES = {
    *("ExpandDims", "GetItem", "Pad", "Reshape", "Squeeze", "Transpose", "Identity", "Flatten"),
    *("Split", "SwapAxes", "Moveaxis", "BroadcastTo", "Stack", "Repeat", "Tile", "Cast"),
    "Resizing",  # which LiteRT has in the scale of its input
}
# LiteRT has these in the scale of their input
ALONE = (
    tf_keras.layers.InputLayer,
    *(tf_keras.layers.AveragePooling1D, tf_keras.layers.AveragePooling2D),
    *(tf_keras.layers.UpSampling1D, tf_keras.layers.UpSampling2D),
)
CONVOLUTIONS = (
    tf_keras.layers.Conv2D,
    tf_keras.layers.DepthwiseConv2D,
    tf_keras.layers.Dense,
)
EXTRA = {
    tf_keras.layers.Conv1D: (["kernel"], ["activation"], False),
    tf_keras.layers.Embedding: (["embeddings"], [], False),
}


class Registry:
    """How each layer is quantised: as TFMOT does, and where it refuses, the output alone.

    Args:
        keep_zeros: Weights that are zero stay zero.
        clusters: Kernels with at most so many values keep them together; 0 for none.
        floats: Names of layers that are left alone.
        fused: Names of layers whose ReLU is part of them.
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
        """TFMOT's registries share one quantizer, which a layer without zeros spoils for others."""
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
    """TFMOT's fusing of layers, with a registry of ours."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def get_quantize_registry(self):
        return self.layers

    def get_layout_transformer(self):
        return Layout()


class Layout(layout.Default8BitQuantizeLayoutTransform):
    """TFMOT's fusing, which leaves the numbers of tokens whole."""

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
                # a ReLU follows: TFMOT forgets the weights together with the output
                layer.activation = quantize_aware_activation.NoOpActivation()
                layer_quantize_map[layer.name] = {"quantize_config": None}
        return model, layer_quantize_map


def quantize(network, *, keep_zeros=False, clusters=0):
    """The network with fake quantisation in it."""
    network = normalization.replace(network)
    floats = {layer.name for layer in network.layers if _is_left_alone(layer)}
    fused = {layer.name for layer in network.layers if _is_fused(layer)}

    def annotate(layer):
        return layer if layer.name in floats else quantize_annotate.QuantizeAnnotate(layer)

    one = mock.patch.object(cluster_preserve, "get_centroids", _centroids)
    with one, tfmot.quantization.keras.quantize_scope():
        annotated = tf_keras.models.clone_model(network, clone_function=annotate)
        scheme = Scheme(Registry(keep_zeros, clusters, floats, fused))
        return tfmot.quantization.keras.quantize_apply(annotated, scheme)


def _centroids(layer, weight, data_format):
    """One set for the whole kernel; TFMOT would give each channel of a convolution its own."""
    values, index = cluster_preserve.get_unique(weight)
    return values, tf.size(values), index, False


def _is_left_alone(layer):
    if isinstance(layer, ALONE):
        return True
    if isinstance(layer, opaque.Opaque) and layer.kind in MOVES:
        return True
    if len(layer._inbound_nodes) != 1 or not isinstance(layer.output, opaque.OldKerasTensor):
        return True  # TFMOT's wrappers take one call and one output
    return is_masked(layer) or not layer.output.dtype.is_floating


def _is_fused(layer):
    after = [node.outbound_layer for node in layer._outbound_nodes]
    is_relu = len(after) == 1 and isinstance(after[0], tf_keras.layers.ReLU)
    return is_relu and isinstance(layer, normalization.Scaling)


def is_masked(layer):
    """Whether a mask comes in or goes out: TFMOT's wrappers lose it."""
    if len(layer._inbound_nodes) != 1:
        return False
    tensors = tf.nest.flatten([layer.output, layer.input])
    return any(getattr(tensor, "_keras_mask", None) is not None for tensor in tensors)


def untouched(network) -> list[str]:
    """Names of the layers that have weights and compute with floats."""
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


def calibrate(network, batches):
    """Begin with the ranges that weights and activations really have.

    TFMOT begins with [-6, 6] and forgets a thousandth of it in every step.

    Args:
        network: A quantised network.
        batches: A few batches of its inputs.
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

    with (
        mock.patch.object(quant_ops, "MovingAvgQuantize", record),
        mock.patch.object(quant_ops, "AllValuesQuantize", record),
        mock.patch.object(quant_ops, "LastValueQuantize", record_weights),
    ):
        for number, batch in enumerate(batches):
            if number == 0:
                run.get_concrete_function(batch)
                for variable in ranges.values():
                    variable.assign(tf.zeros_like(variable))  # a range holds zero
            run(batch)
