"""Statistics of the global batch, whatever the number of replicas."""

import keras


def synchronize(model: keras.Model) -> list:
    """Let every batch normalisation of a model see the global batch; those that did not before.

    By default each replica normalises its own part by the part's statistics: two replicas then
    compute something else than one, and their moving averages part.

    Args:
        model: A built model, before `fit`.
    """
    changed = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
    ]
    for layer in changed:
        layer.synchronized = True
    return changed
