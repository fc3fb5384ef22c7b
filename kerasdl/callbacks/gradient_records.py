"""Norms of gradients, and the units that they reach, kept in variables until someone reads them."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from kerasdl.utils.patches import replaced

ROWS = 512  # of recorded steps that wait to be read


class GradientRecords:
    """What one step in `every` tells of its gradients, from inside of it.

    Args:
        model: Layers that are trainable now are watched.
        optimizers: Those that take its steps.
        every: Steps from one record to the next.
        blank: The norm in a step that no optimizer took.

    Attributes:
        count: Steps so far, a variable.
        steps: Numbers of the recorded ones that were read.
        norms: Layer -> its norm in each of these.
    """

    def __init__(self, model, optimizers, every, blank):
        self.optimizers, self.every, self.blank = optimizers, every, blank
        self.layers = list(dict.fromkeys(map(_layer, model.trainable_weights)))
        self.rows = max(ROWS, -(-model.steps_per_execution // every))
        self.axes = _unit_axes(model)
        weights = [w for w in model.trainable_weights if w.path in self.axes]
        self.units = {weight.path: weight.shape[self.axes[weight.path]] for weight in weights}
        self.table = tf.Variable(tf.zeros((self.rows, len(self.layers))), trainable=False)
        self.alive = tf.Variable(tf.zeros(sum(self.units.values()), bool), trainable=False)
        self.count = tf.Variable(0, dtype="int64", trainable=False)
        self.waiting = 0  # at most so many rows are not read
        self.steps, self.norms = [], {}

    @contextlib.contextmanager
    def step(self):
        """Within it, optimizers show their gradients if a record is due; in a graph, too."""
        due = self.count % self.every == 0
        row = tf.cast(self.count // self.every % self.rows, "int32")
        blank = tf.fill((1, len(self.layers)), tf.constant(self.blank, "float32"))
        _when(due, lambda: self.table.scatter_nd_update([[row]], blank))
        with contextlib.ExitStack() as stack:
            for optimizer in self.optimizers:
                apply = self._applying(optimizer, optimizer.apply, due, row)
                stack.enter_context(replaced(optimizer, "apply", apply))
            yield
        self.count.assign_add(1)

    def _applying(self, optimizer, plain, due, row):
        def apply(grads, trainable_variables=None):
            variables = trainable_variables or optimizer._trainable_variables
            pairs = [p for p in zip(variables, grads, strict=True) if _layer(p[0]) in self.layers]
            _when(due, lambda: self._record(pairs, row))
            return plain(grads, trainable_variables)

        return apply

    def _record(self, pairs, row):
        squares, moved = {}, {path: tf.zeros(count, bool) for path, count in self.units.items()}
        for variable, gradient in pairs:
            parts = squares.setdefault(_layer(variable), [tf.constant(0.0)])
            if gradient is not None:
                gradient = tf.cast(tf.convert_to_tensor(gradient), "float32")
                parts.append(tf.reduce_sum(gradient**2))
                if variable.path in moved:
                    others = list(range(len(gradient.shape)))
                    del others[self.axes[variable.path]]
                    moved[variable.path] = tf.reduce_any(gradient != 0, axis=others)
        if moved:
            self.alive.assign(self.alive | tf.concat(list(moved.values()), axis=0))
        places = tf.stack([tf.stack([row, self.layers.index(name)]) for name in squares])
        norms = tf.stack([tf.sqrt(tf.add_n(parts)) for parts in squares.values()])
        self.table.scatter_nd_update(places, norms)

    def expect(self, records):
        """Make room for so many."""
        if self.waiting + records > self.rows:
            self.read()
        self.waiting += records

    def read(self):
        recorded, table = -(-int(self.count) // self.every), self.table.numpy()
        for number in range(max(len(self.steps), recorded - self.rows), recorded):
            self.steps.append(number * self.every)
            for name, norm in zip(self.layers, table[number % self.rows], strict=True):
                self.norms.setdefault(name, []).append(float(norm))
        self.waiting = 0

    def dead(self) -> dict[str, float]:
        """The share of each layer's units that nothing moved since the last time."""
        dead, found = 1.0 - self.alive.numpy(), {}
        self.alive.assign(tf.zeros_like(self.alive))
        ends = np.cumsum(list(self.units.values()))
        for path, units in zip(self.units, np.split(dead, ends)[:-1], strict=True):
            layer = path.rpartition("/")[0]
            known = found.get(layer, units)  # an LSTM has two matrices for its units
            found[layer] = known * units if len(known) == len(units) else units
        return {layer: float(units.mean()) for layer, units in found.items()}


def _layer(weight):
    return weight.path.rpartition("/")[0]


def _unit_axes(model):
    """Path -> the axis of a weight that has a place for each unit."""
    turned = (
        keras.layers.Conv1DTranspose,
        keras.layers.Conv2DTranspose,
        keras.layers.Conv3DTranspose,
    )
    kernels = [x.kernel.path for x in model._flatten_layers() if isinstance(x, turned) and x.built]
    matrices = [weight for weight in model.trainable_weights if len(weight.shape) > 1]
    return {weight.path: -2 if weight.path in kernels else -1 for weight in matrices}


def _when(due, act):
    def then():
        act()
        return True

    tf.cond(due, then, lambda: True)
