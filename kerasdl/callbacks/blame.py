"""Which part of a training step first computes something that is no finite number."""

import contextlib
import functools
import math

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks import state

HUGE = 1e15  # what no sound network gives; its square overflows soon


def finite(values) -> bool:
    """Whether all floats in nested tensors, or what can become one, are finite."""
    for value in tf.nest.flatten(values):
        value = value.values if isinstance(value, tf.IndexedSlices) else value
        if tf.is_tensor(value) and value.dtype.is_floating:
            if not bool(tf.reduce_all(tf.math.is_finite(tf.cast(value, "float32")))):
                return False
        elif isinstance(value, float) and not math.isfinite(value):
            return False
    return True


def losses_of(logs: dict) -> dict:
    """What a step says of its losses; where nothing has that name, all that it says."""
    return {name: v for name, v in logs.items() if "loss" in name} or logs


def of_step(model: keras.Model, data) -> str | None:
    """Run a training step of `model` on a batch, layer by layer: what went first, in words."""
    return _of_data(data) or _of_weights(model) or _of_computing(model, data)


def _of_data(data):
    for name, part in zip(("inputs", "targets", "weights"), _parts(data), strict=False):
        for values in tf.nest.flatten(part):
            values = np.asarray(values)
            if values.dtype.kind != "f" or np.isfinite(values).all():
                continue
            row, *place = np.argwhere(~np.isfinite(values))[0].tolist()
            return f"the {name} of the batch, {values[row, *place]} in row {row} of {len(values)}"
    return None


def _parts(data):
    return [part for part in keras.utils.unpack_x_y_sample_weight(data) if part is not None]


def _of_weights(model):
    for weight in model.weights:
        if not finite(tf.convert_to_tensor(weight)):
            return f"the weights {weight.path}, before the step"
    return None


def _of_computing(model, data):
    watch = _Watch()
    model.reset_metrics()
    with watch.layers(model), watch.optimizers(model):
        logs = model.train_step(data)
    if watch.output:
        return f"the output of layer {watch.output}"
    if not finite([tf.convert_to_tensor(value) for value in losses_of(logs).values()]):
        size = f"outputs up to {watch.largest:.0e}" if watch.largest > HUGE else "finite outputs"
        return f"the loss, of {size}"
    if reason := watch.gradient():
        return reason
    for weight in model.trainable_weights:
        if not finite(tf.convert_to_tensor(weight)):
            return f"the weights {weight.path}, by the optimizer's step"
    return None


def _largest(values):
    if not (tf.is_tensor(values) and values.dtype.is_floating and tf.size(values)):
        return 0.0
    return float(tf.reduce_max(tf.abs(values)))


class _Watch:
    """Looks at what passes layers, forwards and backwards."""

    def __init__(self):
        self.output = None  # path of the first layer that makes something else of finite inputs
        self.largest = 0.0  # of all outputs
        self.order = []  # paths of layers, as gradients reach them
        self.lost = set()  # paths of layers that make something else of a finite gradient
        self.reached = {}  # whether a layer's gradient from above is finite
        self.weights = set()  # paths of layers whose weights have another gradient

    def gradient(self):
        """The first layer on the way back that is at fault, in words."""
        lost = self.lost | {path for path in self.weights if self.reached.get(path, True)}
        for path in self.order:
            if path in lost:
                return f"the gradient of layer {path}"
            if not self.reached[path]:
                return f"the gradient that reaches layer {path} from above"
        return f"the gradient of layer {min(lost)}" if lost else None

    @contextlib.contextmanager
    def layers(self, model):
        layers = list(model._flatten_layers())
        with contextlib.ExitStack() as stack:
            for layer in layers:
                vars(layer)["call"] = self._call(layer, layer.call)
                stack.callback(vars(layer).pop, "call")
            yield

    def _call(self, layer, call):
        path = layer.path or layer.name

        @functools.wraps(call)
        def watched(*args, **kwargs):
            if not tf.executing_eagerly():
                return call(*args, **kwargs)
            given = finite((args, kwargs))
            args, kwargs = self._map(functools.partial(self._leave, path), (args, kwargs))
            outputs = call(*args, **kwargs)
            if given and self.output is None and not finite(outputs):
                self.output = path
            self.largest = max([self.largest, *map(_largest, tf.nest.flatten(outputs))])
            return self._map(functools.partial(self._reach, path), outputs)

        return watched

    def _map(self, record, values):
        def through(value):
            if not (tf.is_tensor(value) and value.dtype.is_floating):
                return value

            @tf.custom_gradient
            def identity(value):
                def gradient(upstream):
                    record(finite(upstream))
                    return upstream

                return tf.identity(value), gradient

            return identity(value)

        return tf.nest.map_structure(through, values)

    def _reach(self, path, good):
        if path not in self.reached:
            self.order.append(path)
        self.reached[path] = self.reached.get(path, True) and good

    def _leave(self, path, good):
        if not good and self.reached.get(path, True):
            self.lost.add(path)

    @contextlib.contextmanager
    def optimizers(self, model):
        with contextlib.ExitStack() as stack:
            for optimizer in state.optimizers_of(model):
                vars(optimizer)["apply"] = self._apply(optimizer.apply)
                stack.callback(vars(optimizer).pop, "apply")
            yield

    def _apply(self, apply):
        @functools.wraps(apply)
        def watched(gradients, variables=None):
            gradients = list(gradients)
            for gradient, variable in zip(gradients, variables or (), strict=False):
                if gradient is not None and not finite(gradient):
                    self.weights.add(variable.path.rpartition("/")[0])
            return apply(gradients, variables)

        return watched
