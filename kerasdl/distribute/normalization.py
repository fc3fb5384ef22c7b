"""Synchronized batch normalization."""

import keras

from kerasdl.utils import checks


def synchronize(model: keras.Model) -> list[keras.layers.Layer]:
    """Make every batch normalization of a model use the statistics of the global batch.

    By default each replica normalizes its rows by their own statistics. The results then differ
    from one replica's, and the moving averages of the replicas diverge.

    Args:
        model: A built model. Call this before `fit`.

    Returns:
        The layers that were changed.

    Example:
        >>> norm = keras.layers.BatchNormalization(name="norm")
        >>> model = keras.Sequential([keras.Input((4,)), norm])
        >>> [layer.name for layer in synchronize(model)]
        ['norm']
    """
    checks.models(model=model)
    changed = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
    ]
    for layer in changed:
        layer.synchronized = True
    return changed
