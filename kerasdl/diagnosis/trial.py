"""Training that leaves no trace: what it changed is put back."""

import contextlib

import keras
import tensorflow as tf

from kerasdl.callbacks import blame, state
from kerasdl.errors import InvalidInput


@contextlib.contextmanager
def trial(model: keras.Model, batch):
    """Build the model if need be, let it train, and put back weights, optimizers and seeds."""
    if not model.compiled:
        raise InvalidInput(
            "model to train", "one that is compiled", f"`{model.name}`, which is not"
        )
    if not model.built:
        model._symbolic_build(data_batch=batch)
    for optimizer in state.optimizers_of(model):
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
    variables = state.variables_of(model)
    values = state.copy(variables)
    try:
        yield
    finally:
        state.put(variables, values)
        model.reset_metrics()


@contextlib.contextmanager
def rate_of(model: keras.Model, rate: float):
    """A variable that every optimizer takes for its learning rate meanwhile."""
    swept = tf.Variable(rate, dtype="float32")
    optimizers = [getattr(o, "inner_optimizer", o) for o in state.optimizers_of(model)]
    kept = [optimizer._learning_rate for optimizer in optimizers]

    def put(rates):
        for optimizer, given in zip(optimizers, rates, strict=True):
            object.__setattr__(optimizer, "_learning_rate", given)  # it tracks what is set plainly

    put([lambda: swept] * len(optimizers))
    try:
        yield swept
    finally:
        put(kept)


def stepper(model: keras.Model):
    """A function of a batch to the loss of one training step on it."""
    run = tf.function(model.train_step, reduce_retracing=True, jit_compile=bool(model.jit_compile))

    def step(batch):
        model.reset_metrics()  # which are means since the last time
        return float(sum(map(float, blame.losses_of(run(batch)).values())))

    return step


def batches(data, batch_size=32):
    """A data set of batches, from one or from arrays."""
    if isinstance(data, tf.data.Dataset):
        return data
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size)
