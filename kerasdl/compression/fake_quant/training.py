"""Training a network to be right in int8."""

import keras
import tensorflow as tf
from keras import tree

from kerasdl.compression import pruning
from kerasdl.compression.fake_quant.activations import FakeQuantize
from kerasdl.compression.fake_quant.graph import quantize_aware
from kerasdl.errors import InvalidInput

EXAMPLES = 512  # that set the first ranges


def train_aware(
    model: keras.Model,
    train,
    *,
    epochs: int = 3,
    optimizer=None,
    loss=None,
    metrics=None,
    callbacks=(),
    validation_data=None,
    keep_zeros: bool = False,
    **fit_options,
) -> keras.Model:
    """Train a model on while it computes with int8 numbers; returns the model that does.

    It is a functional Keras model, whose file `to_litert(aware, path, quantize="aware")` computes
    in int8 what the model says. Its kernels are the variables of `model`, which is trained by the
    same steps.

    Args:
        model: Any Keras model that is built; what is not given below is taken from its `compile`.
        train: A `tf.data.Dataset` of batches of (x, y) or (x, y, weight).
        epochs: Epochs of training; 0 only measures ranges.
        optimizer: By default one like the model's own, anew.
        loss: By default the model's.
        metrics: By default the model's.
        callbacks: Callbacks of `fit`.
        validation_data: What `fit` validates on.
        keep_zeros: Whether the zeros of a pruned model stay zeros, in the file, too.
        **fit_options: What `fit` takes.
    """
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
        aware.fit(train, epochs=epochs, callbacks=list(callbacks), **{**options, **fit_options})
    return aware


def _keep(step):
    """A schedule that never chooses new zeros: masks are what the weights say."""
    return tf.constant(False), 1.0


def calibrate(aware: keras.Model, data) -> keras.Model:
    """Set the range of every tensor to what it takes on the first examples of the data.

    Args:
        aware: What `quantize_aware` gave.
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
            if seen >= EXAMPLES:
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
