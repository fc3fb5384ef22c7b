"""Quantization-aware training: calibrate and train a network with rounded numbers."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from keras import tree

from kerasdl.compression import pruning
from kerasdl.compression.fake_quant.activations import FakeQuantize
from kerasdl.compression.fake_quant.graph import quantize_aware
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.fast_training import fast_training

CALIBRATION_EXAMPLES = 512


def train_aware(
    model: keras.Model,
    train: tf.data.Dataset,
    *,
    epochs: int = 3,
    optimizer: keras.Optimizer | str | None = None,
    loss: str | keras.Loss | Callable | list | dict | None = None,
    metrics: list | dict | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    validation_data: tf.data.Dataset | tuple | None = None,
    keep_zeros: bool = False,
    **fit_options,
) -> keras.Model:
    """Fine-tune a model that computes with simulated int8 numbers.

    Args:
        model: Any built Keras model. Its kernels are trained too, because they are shared. Frozen
            layers stay frozen.
        train: A `tf.data.Dataset` of batches of (x, y) or (x, y, weight).
        epochs: int, number of epochs; 0 only measures the ranges.
        optimizer: By default a new copy of the one that the model was compiled with.
        loss: By default the one that the model was compiled with.
        metrics: By default those that the model was compiled with.
        callbacks: Keras callbacks.
        validation_data: As in `fit`.
        keep_zeros: bool, whether the zeros of a pruned model stay zeros, in the file too.
        **fit_options: Further arguments of `fit`.

    Returns:
        A functional Keras model that computes with rounded weights and activations. The file that
        `to_litert(aware, path, quantize="aware")` writes computes the same in int8.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
        >>> train = tf.data.Dataset.from_tensors((np.ones((8, 4)), np.ones((8, 8))))
        >>> aware = train_aware(model, train, epochs=1, optimizer="sgd", loss="mse")
        >>> aware.output_shape
        (None, 8)
    """
    checks.models(model=model)
    checks.datasets(train=train)
    checks.integers(at_least=0, limit=checks.LARGEST, epochs=epochs)
    checks.flags(keep_zeros=keep_zeros)
    compiled = dict(model._compile_config.config) if getattr(model, "compiled", False) else {}
    given = {"optimizer": optimizer, "loss": loss, "metrics": metrics}
    compiled.update({name: value for name, value in given.items() if value is not None})
    missing = [name for name in ("optimizer", "loss") if compiled.get(name) is None]
    if missing:
        expected = f"a compiled model, or {' and '.join(missing)}"
        raise InvalidInput(f"model `{model.name}`", expected, "neither")
    if optimizer is None:
        like = compiled["optimizer"]
        compiled["optimizer"] = type(like).from_config(like.get_config())
    aware = calibrate(quantize_aware(model), train)
    aware.compile(**compiled)
    aware.optimizer.build(aware.trainable_variables)  # else `fit` traces twice
    if keep_zeros:
        callbacks = [*callbacks, pruning.Prune(_keep)]
    if epochs:
        options = {"verbose": 0, "shuffle": False, "validation_data": validation_data}
        with fast_training():
            aware.fit(train, epochs=epochs, callbacks=list(callbacks), **{**options, **fit_options})
    return aware


def _keep(step):
    """A pruning schedule that adds no zeros: the masks are the zeros of the weights."""
    return tf.constant(False), 1.0


def calibrate(aware: keras.Model, data) -> keras.Model:
    """Set the range of every tensor to its range on the first 512 examples, and return the model.

    Args:
        aware: A model that `quantize_aware` returned.
        data: A `tf.data.Dataset` of batches of x, (x, y) or (x, y, weight), or arrays of x.
    """
    grids = [layer for layer in aware._flatten_layers() if isinstance(layer, FakeQuantize)]
    measure = tf.function(lambda x: aware(x, training=False), reduce_retracing=True)
    seen = 0
    try:
        for grid in grids:
            grid.calibrating = True
        for batch in _batches(data):
            measure(batch)
            seen += len(tree.flatten(batch)[0])
            if seen >= CALIBRATION_EXAMPLES:
                break
    finally:
        for grid in grids:
            grid.calibrating = False
    if not seen:
        raise InvalidInput("data to calibrate with", "at least one batch", "none")
    return aware


def _batches(data):
    if isinstance(data, tf.data.Dataset):
        return (keras.utils.unpack_x_y_sample_weight(element)[0] for element in data)
    return tf.data.Dataset.from_tensor_slices(data).batch(64)
