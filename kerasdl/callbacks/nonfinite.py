"""Stop when a loss is no number any more, and say which layer went first."""

import math
import time

import keras
import tensorflow as tf

from kerasdl import errors
from kerasdl.callbacks import blame, state

SHARE = 1 / 500  # of the time may go into copies of the state
LEAST = 1.0  # seconds between copies


class NonFiniteLoss(errors.InvalidInput):
    """A loss became NaN or infinite."""


class NonFinite(keras.callbacks.Callback):
    """Stop `fit` at the first loss that is NaN or infinite; name its step and what to try.

    Keras's TerminateOnNaN says that it happened. This also keeps a copy of the model's state, a
    recent one, repeats the steps from there one by one, and looks into the first bad one: at its
    data, at every layer's output, and at gradients on their way back. Training itself pays for the
    copies alone, a five-hundredth of its time.

    Args:
        batches: From an epoch and a step to the batches that `fit` got from there to the end of the
            epoch. Without it the step is the last of those run at once, and of layers only those
            are named whose weights are lost.
        hint: What else to try.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
        >>> model.compile("sgd", "mse")
        >>> data = tf.data.Dataset.from_tensors((np.ones((4, 2)), np.full((4, 1), np.nan)))
        >>> stop = NonFinite(batches=lambda epoch, step: data.skip(step))
        >>> model.fit(data, callbacks=[stop], shuffle=False, verbose=0)
        Traceback (most recent call last):
        kerasdl.callbacks.nonfinite.NonFiniteLoss: Invalid loss in step 1 of epoch 1.

    Spec: DBG-22
    """

    def __init__(self, batches=None, hint: str = ""):
        super().__init__()
        if batches is not None and not callable(batches):
            expected = "a function of an epoch and a step, or None"
            raise errors.InvalidInput("value for argument `batches`", expected, repr(batches))
        self.batches = batches
        self.hint = hint
        self.kept = None  # epoch, step and values
        self.next = 0.0  # when the next copy is due
        self.epoch = 0

    def on_train_begin(self, logs=None):
        self.kept = None
        optimizer = self.model.optimizer
        if optimizer and self.model.built and not optimizer.built:
            optimizer.build(self.model.trainable_variables)  # else a copy lacks its memory

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if self.batches and self.model.built and (not self.kept or time.monotonic() >= self.next):
            begin = time.monotonic()
            if state.is_finite(self.model):
                values = state.copy(state.variables_of(self.model))
                self.kept = self.epoch, batch, values
            end = time.monotonic()
            self.next = end + max(LEAST, (end - begin) / SHARE)

    def on_train_batch_end(self, batch, logs=None):
        for name, value in blame.losses_of(logs or {}).items():
            if not math.isfinite(value):
                self._stop(name, value, batch)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in blame.losses_of(logs or {}).items():
            if not math.isfinite(value):
                self._stop(name, value, (self.params.get("steps") or 1) - 1)

    def _stop(self, name, value, batch):
        steps = self.params.get("steps")
        step = min(batch, steps - 1) if steps else batch
        found = _search(self.model, self.kept, self.batches, (self.epoch, step))
        epoch, step, reason = found or (self.epoch, step, _lost(self.model))
        place = f"{name} in step {step + 1} of epoch {epoch + 1}"
        expected = f"a finite number; try {_advice(self.model, reason)}{self.hint}"
        raise NonFiniteLoss(place, expected, f"{value}; first went {reason}")


def _search(model, kept, batches, last):
    """Repeat the steps from what was kept to the `last`: where the first is bad, and why."""
    if not kept:
        return None
    epoch, step, values = kept
    variables = state.variables_of(model)
    state.put(variables, values)
    model.reset_metrics()
    run = tf.function(model.train_step, reduce_retracing=True)
    while (epoch, step) <= last:
        begun = step
        for data in batches(epoch, step):
            before = state.copy(variables)
            logs = blame.losses_of(run(data))
            if not blame.finite(list(logs.values())) or not state.is_finite(model):
                state.put(variables, before)
                reason = blame.of_step(model, data)
                return epoch, step, reason or "what a second run of the step did not show"
            step += 1
            if (epoch, step) > last:
                return None
        if step == begun == 0:
            return None
        epoch, step = epoch + 1, 0
    return None


def _lost(model):
    if state.is_finite(model):
        return "the data, or the loss of finite outputs (all weights are finite)"
    lost = [w.path for w in model.trainable_weights if not blame.finite(tf.convert_to_tensor(w))]
    return f"the weights, of {len(lost)} among them {lost[0]}"


def _advice(model, reason):
    if " of the batch" in reason:
        return "data without it"
    if model.dtype_policy.compute_dtype == "float16":
        return "mixed_bfloat16, or a LossScaleOptimizer with a lower scale"
    if reason == "the loss, of finite outputs":
        return "a loss that takes logits (from_logits=True), or a lower learning rate"
    return "a lower learning rate, or clipped gradients (clipnorm=1.0)"
