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
    """The network with every kernel that has more different weights behind TFMOT's wrapper."""

    def wrap(layer):
        count, zeros = _clusters(layer, clusters, keep_zeros)
        if not count:
            return layer
        start = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS
        return clustering._cluster_weights(layer, count, start, zeros)

    return tf_keras.models.clone_model(network, clone_function=wrap)


def _clusters(layer, clusters, keep_zeros):
    """How many clusters a layer gets, 0 for none, and whether one of them is zero."""
    if type(layer) not in KINDS or not layer.trainable or quantization.is_masked(layer):
        return 0, False
    kernels = [w for w in layer.get_weights() if w.ndim > 1]
    if min(len(np.unique(kernel)) for kernel in kernels) <= clusters:
        return 0, False
    if not keep_zeros or all(kernel.all() for kernel in kernels):
        return clusters, False
    # TFMOT shares the clusters beside zero out to both signs, and needs as many weights there
    sides = [(int((kernel < 0).sum()), int((kernel > 0).sum())) for kernel in kernels]
    while clusters > 2 and not all(_fit(clusters - 1, *side) for side in sides):
        clusters -= 1
    return (clusters, True) if clusters > 2 else (0, False)


def _fit(clusters, negative, positive):
    below = round(clusters * negative / (negative + positive))
    return below <= negative and clusters - below <= positive


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
