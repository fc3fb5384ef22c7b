"""Keras 3's `fit`, `evaluate` and `predict` on several replicas and machines.

Under `MultiWorkerMirroredStrategy` Keras 3.15 reduces the first batch across workers, and scalars
along an axis that they lack: no model trains. Under every strategy a replica counts as much as the
others, however small its part of the last batch, and an empty part breaks TensorFlow's kernels.
`mend` replaces the functions that do so, in this process, and refuses a Keras in which they are not
those it knows.

Reference: https://github.com/keras-team/keras/issues/20585
"""

import functools
import hashlib
import inspect
import itertools
import threading

import keras
import numpy as np
import tensorflow as tf
from keras import tree
from keras.src.backend.tensorflow import trainer
from keras.src.losses import loss as losses

from kerasdl.distribute import parts, shares
from kerasdl.distribute.parts import Part
from kerasdl.errors import InvalidInput

KNOWN = {  # where each function is, and the hash of its source in Keras 3.15
    "TFEpochIterator": (trainer, "a39b27f76138"),
    "_maybe_symbolic_build": (trainer.TensorFlowTrainer, "92a504f5eba9"),
    "_make_function": (trainer.TensorFlowTrainer, "bb33b7a0da3d"),
    "predict": (trainer.TensorFlowTrainer, "ee5831d7d217"),
    "reduce_per_replica": (trainer, "2e7d54b1e6ed"),
    "scale_loss_for_distribution": (losses, "143cd8a5efb6"),
    "unscale_loss_for_distribution": (losses, "3903c7ed7f69"),
}
_plain = {}  # Keras's own, by name, once they are replaced
_replica = threading.local()  # .share of the global batch, a scalar; each replica has its thread


def mend():
    """Replace Keras's functions, once."""
    if _plain:
        return
    for name, (owner, known) in KNOWN.items():
        if fingerprint(getattr(owner, name)) != known:
            expected = f"one whose `{owner.__name__}.{name}` is that of 3.15"
            raise InvalidInput("version of Keras for several replicas", expected, keras.__version__)
    for name, (owner, _) in KNOWN.items():
        _plain[name] = getattr(owner, name)
        setattr(owner, name, globals()[name])


def fingerprint(function) -> str:
    """A hash of a function's source."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


# What follows has the names and the arguments of what it replaces.


class TFEpochIterator(trainer.TFEpochIterator):
    """Every batch is cut into a part for each replica."""

    def __init__(self, distribute_strategy=None, *args, **kwargs):
        super().__init__(_Spread(distribute_strategy), *args, **kwargs)
        self._distribute_strategy = distribute_strategy

    def _interrupted_warning(self):
        """That data ends whose length nobody told is no interruption; parts tell none."""
        if self.steps_per_epoch:
            super()._interrupted_warning()


class _Spread:
    """What Keras asks of a strategy to distribute a data set, done in our way."""

    def __init__(self, strategy):
        self.strategy = strategy

    def experimental_distribute_dataset(self, dataset):
        if self.strategy.num_replicas_in_sync == 1:
            return self.strategy.experimental_distribute_dataset(dataset)
        return shares.spread(parts.cut(dataset, shares.share(self.strategy)), self.strategy)


def _maybe_symbolic_build(self, iterator=None, data_batch=None):
    """Build from what the first replica here got, which needs no other worker."""
    if self._distribute_strategy is not None and iterator is not None:
        _, _, batches = next(iter(iterator))
        local = self._distribute_strategy.experimental_local_results
        data_batch = tree.map_structure(lambda value: local(value)[0], next(batches))
        data_batch = data_batch.data if isinstance(data_batch, Part) else data_batch
        iterator = None
    _plain["_maybe_symbolic_build"](self, iterator, data_batch)


def _make_function(self, step_function):
    """Steps that know which share of the batch is theirs.

    Several to an execution follow each other in Python: TensorFlow gives collectives no keys inside
    the loop that Keras would put around them.
    """
    if self.distribute_strategy.num_replicas_in_sync == 1:
        return _plain["_make_function"](self, step_function)
    plain = _plain["_make_function"](self, _sharing(self, step_function))

    def function(iterator):
        if self.steps_per_execution > 1:
            iterator = itertools.chain([next(iterator)], iterator)
        return plain(iterator)

    return function


def _sharing(model, step_function):
    @functools.wraps(step_function)
    def step(data):
        if not isinstance(data, Part):
            return step_function(data)
        before = [tf.identity(variable) for variable in model.metrics_variables]
        _replica.share = data.share
        try:
            logs = _mean(step_function(data.data), data.share)
        finally:
            _replica.share = None
        for variable, value in zip(model.metrics_variables, before, strict=True):
            variable.assign(tf.where(data.counts, variable, value))
        return logs

    return step


def _mean(logs, share):
    """The same scalars on every replica: means by share, in one reduction."""
    values = tree.flatten(logs)
    if not values or any(value.shape.rank for value in values):
        return logs
    values = tf.stack([tf.cast(value, "float32") * share for value in values])
    values = tf.distribute.get_replica_context().all_reduce("SUM", values)
    return tree.pack_sequence_as(logs, tf.unstack(values))


def predict(self, *args, **kwargs):
    """Drop what was predicted more than once; 16-bit floats of "bfloat16" come back as 32."""
    if self.distribute_strategy.num_replicas_in_sync == 1:
        return _plain["predict"](self, *args, **kwargs)
    step_function = self.predict_step

    def step(data):
        if not isinstance(data, Part):
            return step_function(data)
        outputs = tree.map_structure(_wide, step_function(data.data))
        rows = tf.shape(tree.flatten(outputs)[0])[:1]
        return outputs, _wide(tf.fill(rows, data.counts))

    self.predict_step = step
    try:
        outputs, counts = _plain["predict"](self, *args, **kwargs)
    finally:
        del self.predict_step
    return tree.map_structure(lambda values: values[np.asarray(counts, bool)], outputs)


def _wide(values):
    """As a type that TensorFlow gathers from workers."""
    if values.dtype == tf.bfloat16:
        return tf.cast(values, "float32")
    return tf.cast(values, "int32") if values.dtype in (tf.bool, tf.int8, tf.uint8) else values


def reduce_per_replica(values, strategy, reduction):
    """What steps give is reduced already."""
    if reduction == "auto" and strategy.num_replicas_in_sync > 1:
        return tree.map_structure(lambda v: strategy.experimental_local_results(v)[0], values)
    return _plain["reduce_per_replica"](values, strategy, reduction)


def scale_loss_for_distribution(value):
    """The mean over the global batch is the sum of the replicas' means, each times its share."""
    share = getattr(_replica, "share", None)
    if share is None:
        return _plain["scale_loss_for_distribution"](value)
    return value * tf.cast(share, value.dtype)


def unscale_loss_for_distribution(value):
    share = getattr(_replica, "share", None)
    if share is None:
        return _plain["unscale_loss_for_distribution"](value)
    return value / tf.cast(share, value.dtype)
