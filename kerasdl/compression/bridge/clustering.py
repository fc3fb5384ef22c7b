"""TFMOT's weight clustering: each kernel has few distinct weights, which are trained."""

import numpy as np

from kerasdl.compression.bridge import quantization
from kerasdl.compression.bridge.tfmot import cluster_wrapper, clustering, tf_keras, tfmot

KINDS = (
    *(tf_keras.layers.Dense, tf_keras.layers.Embedding),
    *(tf_keras.layers.Conv1D, tf_keras.layers.Conv2D, tf_keras.layers.Conv2DTranspose),
    *(tf_keras.layers.LSTM, tf_keras.layers.GRU, tf_keras.layers.SimpleRNN),
)


def cluster(network: tf_keras.Model, clusters: int, *, keep_zeros: bool = False) -> tf_keras.Model:
    """Wrap every layer whose kernels have more than `clusters` distinct weights.

    Args:
        network: A network that `to_tf_keras` returned.
        clusters: int, the largest number of distinct weights in each kernel.
        keep_zeros: bool, whether zero is one of them, so that a pruned network keeps its zeros.
    """

    def wrap(layer):
        count, zeros = _clusters(layer, clusters, keep_zeros)
        if not count:
            return layer
        start = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS
        return clustering._cluster_weights(layer, count, start, zeros)

    return tf_keras.models.clone_model(network, clone_function=wrap)


def _clusters(layer, clusters, keep_zeros):
    """The number of clusters for a layer (0: do not cluster), and whether one of them is zero."""
    if type(layer) not in KINDS or not layer.trainable or quantization.is_masked(layer):
        return 0, False
    kernels = [w for w in layer.get_weights() if w.ndim > 1]
    if min(len(np.unique(kernel)) for kernel in kernels) <= clusters:
        return 0, False
    if not keep_zeros or all(kernel.all() for kernel in kernels):
        return clusters, False
    # TFMOT divides the nonzero clusters between the two signs, and needs as many weights of each
    sides = [(int((kernel < 0).sum()), int((kernel > 0).sum())) for kernel in kernels]
    while clusters > 2 and not all(_fit(clusters - 1, *side) for side in sides):
        clusters -= 1
    return (clusters, True) if clusters > 2 else (0, False)


def _fit(clusters, negative, positive):
    below = round(clusters * negative / (negative + positive))
    return below <= negative and clusters - below <= positive


def strip(network: tf_keras.Model) -> tf_keras.Model:
    """Return the network without TFMOT's wrappers, with clustered kernels."""
    return tfmot.clustering.keras.strip_clustering(network)


def untouched(network: tf_keras.Model) -> list[str]:
    """Return the names of the layers whose kernels are not clustered."""
    return [
        layer.name
        for layer in network.layers
        if not isinstance(layer, cluster_wrapper.ClusterWeights)
        and any(len(weight.shape) > 1 for weight in layer.weights)
    ]
