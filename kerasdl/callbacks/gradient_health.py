"""How large each layer's gradients are while `fit` runs, and what is wrong with them."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from kerasdl import checks
from kerasdl.callbacks import state
from kerasdl.callbacks.board import Board
from kerasdl.errors import InvalidInput

ROWS = 512  # of recorded steps that wait to be read


def label(norm: float, vanishing: float = 1e-7, exploding: float = 100.0) -> str:
    """What a norm says: "zero", "vanishing", "exploding" or "ok".

    >>> [label(norm) for norm in (0.0, 1e-8, 1e-7, 100.0, 101.0)]
    ['zero', 'vanishing', 'ok', 'ok', 'exploding']

    Spec: DBG-03
    """
    if norm == 0:
        return "zero"
    if not norm <= exploding:  # NaN too
        return "exploding"
    return "vanishing" if norm < vanishing else "ok"


class GradientHealth(keras.callbacks.Callback):
    """Record the norm of every layer's gradient, and which of its units receive none.

    The norms are computed inside the training step, from the very gradients that the optimizers
    get, once in `every` steps. The steps between are the network's own and cost nothing; for the
    recorded ones the step is traced a second time. Training is the same to the bit, unless layers
    draw from TensorFlow's own random numbers, or XLA rounds the two otherwise. A unit is dead when
    no recorded step of an epoch moved its weights.

    Args:
        every: Steps from one record to the next.
        vanishing, exploding: Below and above which norms are called so.
        log_dir: A folder for TensorBoard; `None` for none.

    Attributes:
        steps: Numbers of the recorded steps.
        norms: Layer -> its norm in each of these; of layers that are trainable when `fit` begins.
            It is NaN where mixed precision left a step out.
        dead: For each epoch in which steps were recorded, layer -> the share of its units that no
            gradient reached; those of a saturated tanh are among them.

    Spec: BAS-21, BAS-22, DBG-03, DBG-08, ACT-16
    """

    def __init__(self, every=20, vanishing=1e-7, exploding=100.0, log_dir=None):
        super().__init__()
        checks.arguments(every=every)
        if not 0 <= vanishing < exploding:
            expected = "vanishing, from 0, below exploding"
            raise InvalidInput("thresholds for GradientHealth", expected, (vanishing, exploding))
        self.every, self.vanishing, self.exploding = every, vanishing, exploding
        self.board = Board(log_dir)
        self.steps, self.norms, self.dead = [], {}, []

    def on_train_begin(self, logs=None):
        if tf.distribute.get_strategy().num_replicas_in_sync > 1 or (
            self.model.distribute_strategy.num_replicas_in_sync > 1
        ):
            expected = "one device (run a few steps on one to look at gradients)"
            raise InvalidInput("strategy for GradientHealth", expected, "several replicas")
        if not self.model.built:
            expected = "one that is built (begin it with a keras.Input, or call it once)"
            raise InvalidInput("model for GradientHealth", expected, "one without weights")
        optimizer = self.model.optimizer
        if optimizer and not optimizer.built:  # else each step would be traced twice
            optimizer.build(self.model.trainable_variables)
        # mixed precision's optimizer gets gradients times its scale, and the one inside the true
        found = [(o, getattr(o, "inner_optimizer", o)) for o in state.optimizers_of(self.model)]
        self.optimizers = [inner for _, inner in found]
        self.blank = np.nan if any(o is not inner for o, inner in found) else 0.0
        self.layers = list(dict.fromkeys(map(_layer, self.model.trainable_weights)))
        self.rows = max(ROWS, -(-self.model.steps_per_execution // self.every))
        self.table = tf.Variable(tf.zeros((self.rows, len(self.layers))), trainable=False)
        self.axes = _unit_axes(self.model)
        weights = [w for w in self.model.trainable_weights if w.path in self.axes]
        self.units = {weight.path: weight.shape[self.axes[weight.path]] for weight in weights}
        self.alive = tf.Variable(tf.zeros(sum(self.units.values()), bool), trainable=False)
        self.count = tf.Variable(0, dtype="int64", trainable=False)  # of all steps
        self.steps, self.norms, self.dead = [], {}, []
        self.looked = 0  # how many were recorded when units were looked at last
        self.done = 0  # calls of the training step
        self.waiting = 0  # at most so many rows are not read
        self.watched = None  # the training step that records when it is due
        *_, self.model.train_function = _chain(self.model.train_function)  # of a stopped `fit`

    def on_epoch_begin(self, epoch, logs=None):
        if self.watched not in _chain(self.model.train_function):  # here, for others replace it
            self.watched = self._watching(self.model.train_function)
            self.model.train_function = self.watched

    def _watching(self, plain):
        """A training step that records when it is due, and is `plain` for all others.

        Steps that XLA compiles, or that run several at once, are all of the recording kind, whose
        condition costs them less than to be compiled twice.
        """
        with _instead(self.model, "train_step", self._recording(self.model.train_step)):
            self.model.make_train_function(force=True)
        recording, at_once = self.model.train_function, self.model.steps_per_execution
        both = at_once == 1 and not self.model.jit_compile
        most = -(-at_once // self.every)  # records of a call

        def step(iterator):
            if both and self.done % self.every:
                outputs = plain(iterator)
            else:
                if self.waiting + most > self.rows:
                    self._read()
                if both:
                    self.count.assign(self.done)
                outputs = recording(iterator)
                self.waiting += most
            self.done += 1
            return outputs

        step.plain = plain
        return step

    def _recording(self, plain):
        """A `train_step` whose optimizers hand their gradients to `_record` when it is due."""

        def train_step(data):
            due = self.count % self.every == 0
            row = tf.cast(self.count // self.every % self.rows, "int32")
            blank = tf.fill((1, len(self.layers)), tf.constant(self.blank, "float32"))
            _when(due, lambda: self.table.scatter_nd_update([[row]], blank))
            with contextlib.ExitStack() as stack:
                for optimizer in self.optimizers:
                    apply = self._applying(optimizer, optimizer.apply, due, row)
                    stack.enter_context(_instead(optimizer, "apply", apply))
                outputs = plain(data)
            self.count.assign_add(1)
            return outputs

        return train_step

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

    def on_epoch_end(self, epoch, logs=None):
        self._read()
        if len(self.steps) > self.looked:  # else no step of this epoch was recorded
            self.dead.append(self._dead())
            self.looked = len(self.steps)
        last = self.steps[-1] if self.steps else 0
        with self.board.at(last):
            for name, norms in self.norms.items():
                tf.summary.scalar(f"gradient_norm/{name}", norms[-1])

    def _read(self):
        recorded, table = -(-int(self.count) // self.every), self.table.numpy()
        for number in range(max(len(self.steps), recorded - self.rows), recorded):
            self.steps.append(number * self.every)
            for name, norm in zip(self.layers, table[number % self.rows], strict=True):
                self.norms.setdefault(name, []).append(float(norm))
        self.waiting = 0

    def _dead(self):
        """The share of each layer's units that nothing moved since the last time."""
        dead, found = 1.0 - self.alive.numpy(), {}
        self.alive.assign(tf.zeros_like(self.alive))
        ends = np.cumsum(list(self.units.values()))
        for path, units in zip(self.units, np.split(dead, ends)[:-1], strict=True):
            layer = path.rpartition("/")[0]
            known = found.get(layer, units)  # an LSTM has two matrices for its units
            found[layer] = known * units if len(known) == len(units) else units
        return {layer: float(units.mean()) for layer, units in found.items()}

    def on_train_end(self, logs=None):
        if self.model.train_function is self.watched:
            self.model.train_function = self.watched.plain
        self.board.close()

    def labels(self) -> dict[str, str]:
        """What the median norm of the last half of the records says of each layer."""
        half = len(self.steps) // 2
        return {
            name: label(float(np.median(norms[half:])), self.vanishing, self.exploding)
            for name, norms in self.norms.items()
        }

    def figure(self):
        """Norms by step, a line for each layer, and the two thresholds."""
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(9, 4.5), layout="constrained")
        shades = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(self.norms)))
        for (name, norms), shade in zip(self.norms.items(), shades, strict=True):
            axis.semilogy(self.steps, np.maximum(norms, 1e-12), color=shade, label=name)
        for limit in (self.vanishing, self.exploding):
            axis.axhline(limit, color="grey", linestyle=":")
        axis.set(xlabel="step", title="Norms of gradients, from the first layer to the last")
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        return figure


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


def _chain(function):
    """A training step and those that it was made from."""
    while function is not None:
        yield function
        function = getattr(function, "plain", None)


def _when(due, act):
    def then():
        act()
        return True

    tf.cond(due, then, lambda: True)


@contextlib.contextmanager
def _instead(thing, name, value):
    """Within it, what is asked of `thing` by this name is `value`."""
    known = name in vars(thing)
    before = getattr(thing, name)
    object.__setattr__(thing, name, value)
    try:
        yield
    finally:
        if known:
            object.__setattr__(thing, name, before)
        else:
            del vars(thing)[name]
