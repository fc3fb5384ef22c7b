"""TFMOT's clustering: a kernel's weights share a few values, which are trained."""

import numpy as np

from kerasdl.compression.bridge import quantization
from kerasdl.compression.bridge.tfmot import cluster_wrapper, clustering, tf_keras, tfmot

KINDS = (
    *(tf_keras.layers.Dense, tf_keras.layers.Embedding),
    *(tf_keras.layers.Conv1D, tf_keras.layers.Conv2D, tf_keras.layers.Conv2DTranspose),
    *(tf_keras.layers.LSTM, tf_keras.layers.GRU, tf_keras.layers.SimpleRNN),
)


def cluster(network, clusters: int, *, keep_zeros: bool = False):
    """The network with every kernel that is larger than `clusters` behind TFMOT's wrapper."""

    def wrap(layer):
        if not is_clustered(layer, clusters):
            return layer
        start = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS
        zeros = keep_zeros and any((w == 0).any() for w in layer.get_weights())
        return clustering._cluster_weights(layer, clusters, start, zeros)

    return tf_keras.models.clone_model(network, clone_function=wrap)


def is_clustered(layer, clusters):
    size = max((int(np.prod(w.shape)) for w in layer.weights if len(w.shape) > 1), default=0)
    masked = quantization.is_masked(layer)
    return type(layer) in KINDS and layer.trainable and size > clusters and not masked


def strip(network):
    """The network without wrappers, its kernels made of their clusters."""
    return tfmot.clustering.keras.strip_clustering(network)


def untouched(network) -> list[str]:
    """Names of the layers whose kernels are not clustered."""
    return [
        layer.name
        for layer in network.layers
        if not isinstance(layer, cluster_wrapper.ClusterWeights)
        and any(len(weight.shape) > 1 for weight in layer.weights)
    ]
