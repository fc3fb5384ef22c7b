"""Stop training at the first NaN or infinite loss, and find the layer in which it began."""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.callbacks import state
from kerasdl.utils import checks
from kerasdl.utils.patches import replaced

TIME_FRACTION = 1 / 500  # of the training time may be spent on copies of the state
MIN_SECONDS = 1.0  # between copies
HUGE = 1e15  # outputs of a sound network stay below it; its square soon overflows


class NonFiniteLoss(errors.InvalidInput):
    """A loss became NaN or infinite.

    Args:
        place: str, which loss, step and epoch.
        value: float, the loss.
        origin: str, where the first value that is not finite was found.
        advice: str, what to try.
    """

    def __init__(self, place: str, value: float, origin: str, advice: str):
        received = f"{value}; first not finite: {origin}"
        super().__init__(place, f"a finite number; try {advice}", received)
        self.place, self.value, self.origin, self.advice = place, value, origin, advice


class NonFinite(keras.callbacks.Callback):
    """Stop `fit` at the first NaN or infinite loss; say where it began and what to try.

    Keras's TerminateOnNaN only stops. This callback also keeps a recent copy of the model's state.
    When a loss is not finite, it repeats the steps from there one by one and examines the first bad
    one: its data, the output of every layer, and the gradients layer by layer. Training is slowed
    only by the copies, which take a five-hundredth of its time. If there is no memory for a copy,
    steps are not repeated, as without `batches`.

    Args:
        batches: function of (epoch, step) that returns the batches `fit` got from there to the end
            of the epoch. Without it (`None`) the steps cannot be repeated: the error names the last
            step of the call that failed, and only layers whose weights are not finite.
        hint: str, more advice to append.
        snapshot: `kerasdl.callbacks.state.Snapshot` that other callbacks use, too, to save memory;
            `None` makes one.

    Raises:
        NonFiniteLoss: from `fit`.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
        >>> model.compile("sgd", "mse")
        >>> data = tf.data.Dataset.from_tensors((np.ones((4, 2)), np.full((4, 1), np.nan)))
        >>> stop = NonFinite(batches=lambda epoch, step: data.skip(step))
        >>> model.fit(data, callbacks=[stop], shuffle=False, verbose=0)
        Traceback (most recent call last):
        kerasdl.callbacks.nonfinite.NonFiniteLoss: Invalid loss in step 1 of epoch 1.
    """

    def __init__(
        self,
        batches: Callable[[int, int], Iterable] | None = None,
        hint: str = "",
        snapshot: state.Snapshot | None = None,
    ):
        super().__init__()
        checks.callables(batches=batches, optional=True)
        checks.texts(hint=hint, empty=True)
        self.batches = batches
        self.hint = hint
        self.snapshot = snapshot or state.Snapshot()
        self.next_copy = 0.0  # time at which the next copy is due
        self.epoch = 0

    def on_train_begin(self, logs=None):
        self.snapshot.place, self.next_copy = None, 0.0
        optimizer = self.model.optimizer
        if optimizer and self.model.built and not optimizer.built:
            optimizer.build(self.model.trainable_variables)  # so that a copy has its variables

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        begin = time.monotonic()
        if self.batches and self.model.built and begin >= self.next_copy:
            self.snapshot.take(self.model, (self.epoch, batch))
            end = time.monotonic()
            self.next_copy = end + max(MIN_SECONDS, (end - begin) / TIME_FRACTION)

    def on_train_batch_end(self, batch, logs=None):
        for name, value in losses_of(logs or {}).items():
            if not math.isfinite(value):
                self._stop(name, value, batch)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in losses_of(logs or {}).items():
            if not math.isfinite(value):
                self._stop(name, value, (self.params.get("steps") or 1) - 1)

    def _stop(self, name, value, batch):
        steps = self.params.get("steps")
        step = min(batch, steps - 1) if steps else batch
        found = _search(self.model, self.snapshot, self.batches, (self.epoch, step))
        epoch, step, origin = found or (self.epoch, step, _broken_weights(self.model))
        place = f"{name} in step {step + 1} of epoch {epoch + 1}"
        raise NonFiniteLoss(place, value, origin, _advice(self.model, origin) + self.hint)


def losses_of(logs: dict) -> dict:
    """Return the values of `train_step` whose names contain "loss"; if there are none, all."""
    return {name: v for name, v in logs.items() if "loss" in name} or logs


def _search(model, snapshot, batches, last):
    """Repeat the steps from the copy to the `last`; the first bad one and where it began."""
    if not snapshot.place:
        return None
    epoch, step = snapshot.place
    variables = state.variables_of(model)
    state.put(variables, snapshot.values)
    model.reset_metrics()
    run = tf.function(model.train_step, reduce_retracing=True)
    while (epoch, step) <= last:
        first = step
        for data in batches(epoch, step):
            before = state.copy(variables)
            logs = losses_of(run(data))
            if not _finite(list(logs.values())) or not state.is_finite(model):
                state.put(variables, before)
                origin = _examine_step(model, data)
                return epoch, step, origin or "unknown (all was finite when the step was repeated)"
            step += 1
            if (epoch, step) > last:
                return None
        if step == first == 0:  # no batches
            return None
        epoch, step = epoch + 1, 0
    return None


def _broken_weights(model):
    if state.is_finite(model):
        return "the data, or the loss of finite outputs (all weights are finite)"
    lost = [w.path for w in model.trainable_weights if not _finite(tf.convert_to_tensor(w))]
    return f"the weights, in {len(lost)} variables such as {lost[0]}"


def _advice(model, origin):
    if " of the batch" in origin:
        return "repairing or dropping this example"
    if model.dtype_policy.compute_dtype == "float16":
        return "mixed_bfloat16, or a LossScaleOptimizer with a lower scale"
    if origin == "the loss, of finite outputs":
        return "a loss that takes logits (from_logits=True), or a lower learning rate"
    return "a lower learning rate, or clipped gradients (clipnorm=1.0)"


def _examine_step(model, data):
    """Run one training step layer by layer: where the first value is not finite, in words."""
    return _examine_data(data) or _examine_weights(model, "before") or _examine_layers(model, data)


def _examine_data(data):
    parts = [part for part in keras.utils.unpack_x_y_sample_weight(data) if part is not None]
    for name, part in zip(("inputs", "targets", "weights"), parts, strict=False):
        for values in tf.nest.flatten(part):
            values = np.asarray(values)
            if values.dtype.kind != "f" or np.isfinite(values).all():
                continue
            row, *place = np.argwhere(~np.isfinite(values))[0].tolist()
            return f"the {name} of the batch, {values[row, *place]} in row {row} of {len(values)}"
    return None


def _examine_weights(model, when):
    weights = model.weights if when == "before" else model.trainable_weights
    for weight in weights:
        if not _finite(tf.convert_to_tensor(weight)):
            return f"the weights {weight.path}, {when} the step"
    return None


def _examine_layers(model, data):
    watch = _Watch()
    model.reset_metrics()
    with watch.layers(model), watch.optimizers(model):
        logs = model.train_step(data)
    if watch.output:
        return f"the output of layer {watch.output}"
    if not _finite([tf.convert_to_tensor(value) for value in losses_of(logs).values()]):
        size = f"outputs up to {watch.largest:.0e}" if watch.largest > HUGE else "finite outputs"
        return f"the loss, of {size}"
    return watch.bad_gradient() or _examine_weights(model, "after")


class _Watch:
    """Watches the outputs and gradients of layers during an eager training step."""

    def __init__(self):
        self.output = None  # path of the first layer with finite inputs and other outputs
        self.largest = 0.0  # absolute value of all outputs
        self.order = []  # paths of layers in the order of backpropagation
        self.incoming = {}  # path -> whether the gradient of the layer's output is finite
        self.outgoing = set()  # paths of layers whose input's gradient is the first not finite
        self.weights = set()  # paths of layers whose weights' gradient is not finite

    def bad_gradient(self):
        """The first layer in backpropagation whose gradient is not finite, in words."""
        bad = self.outgoing | {path for path in self.weights if self.incoming.get(path, True)}
        for path in self.order:
            if path in bad:
                return f"the gradient of layer {path}"
            if not self.incoming[path]:
                return f"the gradient of the output of layer {path}"
        return f"the gradient of layer {min(bad)}" if bad else None

    @contextlib.contextmanager
    def layers(self, model):
        with contextlib.ExitStack() as stack:
            for layer in list(model._flatten_layers()):
                stack.enter_context(replaced(layer, "call", self._watched_call(layer, layer.call)))
            yield

    def _watched_call(self, layer, call):
        path = layer.path or layer.name

        @functools.wraps(call)
        def watched(*args, **kwargs):
            if not tf.executing_eagerly():
                return call(*args, **kwargs)
            finite_inputs = _finite((args, kwargs))
            # gradients pass here after the layer's backpropagation ...
            args, kwargs = _with_gradient_hook(
                functools.partial(self._after_layer, path), (args, kwargs)
            )
            outputs = call(*args, **kwargs)
            if finite_inputs and self.output is None and not _finite(outputs):
                self.output = path
            self.largest = max([self.largest, *map(_largest, tf.nest.flatten(outputs))])
            # ... and here before it
            return _with_gradient_hook(functools.partial(self._before_layer, path), outputs)

        return watched

    def _before_layer(self, path, finite):
        if path not in self.incoming:
            self.order.append(path)
        self.incoming[path] = self.incoming.get(path, True) and finite

    def _after_layer(self, path, finite):
        if not finite and self.incoming.get(path, True):
            self.outgoing.add(path)

    @contextlib.contextmanager
    def optimizers(self, model):
        with contextlib.ExitStack() as stack:
            for optimizer in state.optimizers_of(model):
                apply = self._watched_apply(optimizer.apply)
                stack.enter_context(replaced(optimizer, "apply", apply))
            yield

    def _watched_apply(self, apply):
        @functools.wraps(apply)
        def watched(gradients, variables=None):
            gradients = list(gradients)
            for gradient, variable in zip(gradients, variables or (), strict=False):
                if gradient is not None and not _finite(gradient):
                    self.weights.add(variable.path.rpartition("/")[0])
            return apply(gradients, variables)

        return watched


def _with_gradient_hook(hook, values):
    """The same tensors; in backpropagation, `hook` gets whether their gradients are finite."""

    def through(value):
        if not (tf.is_tensor(value) and value.dtype.is_floating):
            return value

        @tf.custom_gradient
        def identity(value):
            def gradient(upstream):
                hook(_finite(upstream))
                return upstream

            return tf.identity(value), gradient

        return identity(value)

    return tf.nest.map_structure(through, values)


def _finite(values):
    """Whether all floats in nested tensors are finite."""
    for value in tf.nest.flatten(values):
        value = value.values if isinstance(value, tf.IndexedSlices) else value
        if tf.is_tensor(value) and value.dtype.is_floating:
            if not bool(tf.reduce_all(tf.math.is_finite(tf.cast(value, "float32")))):
                return False
        elif isinstance(value, float) and not math.isfinite(value):
            return False
    return True


def _largest(values):
    if not (tf.is_tensor(values) and values.dtype.is_floating and tf.size(values)):
        return 0.0
    return float(tf.reduce_max(tf.abs(values)))
