"""Patches of Keras 3's `fit`, `evaluate` and `predict` for several replicas and machines.

Keras 3 has two faults under `tf.distribute`:

- Under `MultiWorkerMirroredStrategy` no model trains: Keras reduces the first batch across workers,
  and reduces scalars along an axis that they do not have.
- Under every strategy, each replica has the same weight in the loss and the metrics, however few
  rows of the last batch it gets, and a replica without rows breaks some TensorFlow kernels.

`apply` replaces these functions in the current process. It raises an error if the functions of the
installed Keras differ from those that the patches were written for.

Reference: https://github.com/keras-team/keras/issues/20585
"""

import contextlib
import functools
import hashlib
import inspect
import threading
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import tree
from keras.src.backend.tensorflow import trainer
from keras.src.losses import loss as losses

from kerasdl.distribute import sharing
from kerasdl.distribute.sharing import ReplicaBatch
from kerasdl.errors import InvalidInput

# `TensorFlowTrainer` until Keras 3.15, `Trainer` from 3.16 on
TRAINER = getattr(trainer, "TensorFlowTrainer", None) or trainer.Trainer
# where each function is, and hashes of the sources that the patches fit: Keras 3.15, then 3.16
KNOWN = {
    "TFEpochIterator": (trainer, ("a39b27f76138",)),
    "_maybe_symbolic_build": (TRAINER, ("92a504f5eba9",)),
    "_make_function": (TRAINER, ("bb33b7a0da3d", "b96ff481cdc1")),
    "predict": (TRAINER, ("ee5831d7d217",)),
    "reduce_per_replica": (trainer, ("2e7d54b1e6ed",)),
    "scale_loss_for_distribution": (losses, ("143cd8a5efb6",)),
    "unscale_loss_for_distribution": (losses, ("3903c7ed7f69",)),
}
_original: dict[str, Callable] = {}  # Keras's own functions by name, once they are replaced
_replica = threading.local()  # .fraction of the global batch, a scalar; one thread per replica


def apply():
    """Replace Keras's functions. Calls after the first do nothing."""
    if _original:
        return
    for name, (owner, known) in KNOWN.items():
        if fingerprint(getattr(owner, name)) not in known:
            expected = f"one whose `{owner.__name__}.{name}` is as in 3.15 or 3.16"
            raise InvalidInput("version of Keras for several replicas", expected, keras.__version__)
    for name, (owner, _) in KNOWN.items():
        _original[name] = getattr(owner, name)
        setattr(owner, name, globals()[name])


def fingerprint(function: Callable) -> str:
    """Return a hash of a function's source."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


# The functions below have the names and arguments of those that they replace.


class TFEpochIterator(trainer.TFEpochIterator):
    """Split every batch among the replicas."""

    def __init__(self, distribute_strategy=None, *args, **kwargs):
        super().__init__(_SplitByReplica(distribute_strategy), *args, **kwargs)
        self._distribute_strategy = distribute_strategy

    def _interrupted_warning(self):
        """Suppress the warning that data of unknown length ended: split data has no length."""
        if self.steps_per_epoch:
            super()._interrupted_warning()


class _SplitByReplica:
    """The only method of a strategy that Keras calls to distribute a dataset."""

    def __init__(self, strategy):
        self.strategy = strategy

    def experimental_distribute_dataset(self, dataset):
        if self.strategy.num_replicas_in_sync == 1:
            return self.strategy.experimental_distribute_dataset(dataset)
        mine = sharing.split(dataset, sharing.share(self.strategy))
        return sharing.distribute(mine, self.strategy)


def _maybe_symbolic_build(self, iterator=None, data_batch=None):
    """Build the model from the batch of this worker's first replica, without other workers."""
    if self._distribute_strategy is not None and iterator is not None:
        _, _, batches = next(iter(iterator))
        local = self._distribute_strategy.experimental_local_results
        data_batch = tree.map_structure(lambda value: local(value)[0], next(batches))
        data_batch = data_batch.data if isinstance(data_batch, ReplicaBatch) else data_batch
        iterator = None
    _original["_maybe_symbolic_build"](self, iterator, data_batch)


def _make_function(self, step_function):
    """Make steps that weight their loss and metrics by the replica's fraction of the batch.

    The batch is taken before the traced function is called: if it were taken inside, operations
    that need no data, such as the optimizer's counter, would run once more at the end of the data.
    The function is traced once for all batches of a dataset. If it were traced for each size, and a
    batch had the usual size on one worker but not on another, only one of them would trace again,
    and their collectives would no longer match. With `steps_per_execution` the steps run one by one
    in Python, because TensorFlow does not give keys to collectives in a traced loop.
    """
    strategy = self.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return _original["_make_function"](self, step_function)
    step_function = _weighted(self, step_function)

    @tf.autograph.experimental.do_not_convert
    def step(data):
        outputs = strategy.run(step_function, args=(data,))
        return reduce_per_replica(outputs, strategy, reduction="auto")

    traced = {}  # by the specification of the batches
    latest = (None, None)  # the iterator, and what is traced for it

    def next_step(iterator):
        nonlocal latest
        data = next(iterator)
        if self.run_eagerly:
            return step(data)
        if latest[0] is not iterator:
            # a dataset whose last batch is smaller has batches of an unknown size
            spec = iterator.element_spec
            if repr(spec) not in traced:
                traced[repr(spec)] = tf.function(step, [spec], jit_compile=self.jit_compile)
            latest = iterator, traced[repr(spec)]
        return latest[1](data)

    def function(iterator):
        outputs = next_step(iterator)
        with contextlib.suppress(StopIteration, tf.errors.OutOfRangeError):
            for _ in range(1, self.steps_per_execution):
                outputs = next_step(iterator)
        return outputs

    return function


def _weighted(model, step_function):
    @functools.wraps(step_function)
    def step(data):
        if not isinstance(data, ReplicaBatch):
            return step_function(data)
        before = [tf.identity(variable) for variable in model.metrics_variables]
        _replica.fraction = data.fraction
        try:
            logs = _mean(step_function(data.data), data.fraction)
        finally:
            _replica.fraction = None
        for variable, value in zip(model.metrics_variables, before, strict=True):
            variable.assign(tf.where(data.counted, variable, value))
        return logs

    return step


def _mean(logs, fraction):
    """Average scalars over the replicas, weighted by fraction, in one reduction."""
    values = tree.flatten(logs)
    if not values or any(value.shape.rank for value in values):
        return logs
    values = tf.stack([tf.cast(value, "float32") * fraction for value in values])
    values = tf.distribute.get_replica_context().all_reduce("SUM", values)
    return tree.pack_sequence_as(logs, tf.unstack(values))


def predict(self, *args, **kwargs):
    """Drop rows that were predicted more than once. bfloat16 outputs become float32."""
    if self.distribute_strategy.num_replicas_in_sync == 1:
        return _original["predict"](self, *args, **kwargs)
    step_function = self.predict_step

    def step(data):
        if not isinstance(data, ReplicaBatch):
            return step_function(data)
        outputs = tree.map_structure(_gatherable, step_function(data.data))
        rows = tf.shape(tree.flatten(outputs)[0])[:1]
        return outputs, _gatherable(tf.fill(rows, data.counted))

    self.predict_step = step
    try:
        outputs, counted = _original["predict"](self, *args, **kwargs)
    finally:
        del self.predict_step
    return tree.map_structure(lambda values: values[np.asarray(counted, bool)], outputs)


def _gatherable(values):
    """Cast values to a type that TensorFlow can gather from several workers."""
    if values.dtype == tf.bfloat16:
        return tf.cast(values, "float32")
    return tf.cast(values, "int32") if values.dtype in (tf.bool, tf.int8, tf.uint8) else values


def reduce_per_replica(values, strategy, reduction):
    """Take the first replica's values: the steps have reduced them already."""
    if reduction == "auto" and strategy.num_replicas_in_sync > 1:
        return tree.map_structure(lambda v: strategy.experimental_local_results(v)[0], values)
    return _original["reduce_per_replica"](values, strategy, reduction)


def scale_loss_for_distribution(value):
    """Multiply a replica's mean loss by its fraction of the global batch.

    The sum over the replicas is then the mean over the global batch.
    """
    fraction = getattr(_replica, "fraction", None)
    if fraction is None:
        return _original["scale_loss_for_distribution"](value)
    return value * tf.cast(fraction, value.dtype)


def unscale_loss_for_distribution(value):
    """Undo `scale_loss_for_distribution`."""
    fraction = getattr(_replica, "fraction", None)
    if fraction is None:
        return _original["unscale_loss_for_distribution"](value)
    return value / tf.cast(fraction, value.dtype)
