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
    recorded ones the step is traced a second time. A unit is dead when no recorded step of an epoch
    moved its weights.

    Args:
        every: Steps from one record to the next.
        vanishing, exploding: Below and above which norms are called so.
        log_dir: A folder for TensorBoard; `None` for none.

    Attributes:
        steps: Numbers of the recorded steps.
        norms: Layer -> its norm in each of these.
        dead: For each epoch in which steps were recorded, layer -> the share of its units that no
            gradient reached; those of a saturated tanh are among them.

    Spec: BAS-21, BAS-22, DBG-03, DBG-08, ACT-16
    """

    def __init__(self, every=20, vanishing=1e-7, exploding=100.0, log_dir=None):
        super().__init__()
        checks.arguments(every=every)
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
        self.layers = {}  # name -> paths of its weights
        for weight in self.model.trainable_weights:
            self.layers.setdefault(_layer(weight), []).append(weight.path)
        self.rows = max(ROWS, -(-self.model.steps_per_execution // self.every))
        self.table = tf.Variable(tf.zeros((self.rows, len(self.layers))), trainable=False)
        weights = [weight for weight in self.model.trainable_weights if len(weight.shape) > 1]
        self.units = {weight.path: weight.shape[-1] for weight in weights}
        self.alive = tf.Variable(tf.zeros(sum(self.units.values()), bool), trainable=False)
        self.count = tf.Variable(0, dtype="int64", trainable=False)  # of all steps
        self.steps, self.norms, self.dead = [], {}, []
        self.looked = 0  # how many were recorded when units were looked at last
        self.done = 0  # calls of the training step
        self.waiting = 0  # at most so many rows are not read
        self.optimizers = state.optimizers_of(self.model)
        self.watched = None  # the training step that records when it is due

    def on_epoch_begin(self, epoch, logs=None):
        if self.model.train_function is not self.watched:  # here, for others replace it, too
            self.plain = self.model.train_function
            self.watched = self.model.train_function = self._watching(self.plain)

    def _watching(self, plain):
        """A training step that records when it is due, and is `plain` for all others.

        Steps that XLA compiles, or that run several at once, are all of the recording kind, whose
        condition costs them less than to be compiled twice.
        """
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
                with self._recorded():
                    outputs = recording(iterator)
                self.waiting += most
            self.done += 1
            return outputs

        return step

    @contextlib.contextmanager
    def _recorded(self):
        """What is traced within hands its gradients to `_record`."""
        for number, optimizer in enumerate(self.optimizers):
            apply = self._recording(optimizer.apply, number == 0)
            object.__setattr__(optimizer, "apply", apply)
        try:
            yield
        finally:
            for optimizer in self.optimizers:
                vars(optimizer).pop("apply")

    def _recording(self, plain, counts):
        def apply(grads, trainable_variables=None):
            optimizer = plain.__self__
            variables = trainable_variables or optimizer._trainable_variables
            pairs = [(v, g) for g, v in zip(grads, variables, strict=True) if g is not None]
            due = self.count % self.every == 0
            tf.cond(due, lambda: self._record(pairs), lambda: True)
            done = plain(grads, trainable_variables)
            if counts:
                self.count.assign_add(1)
            return done

        return apply

    def _record(self, pairs):
        row = tf.cast(self.count // self.every % self.rows, "int32")
        squares, moved = {}, {path: tf.zeros(count, bool) for path, count in self.units.items()}
        for variable, gradient in pairs:
            gradient = tf.cast(tf.convert_to_tensor(gradient), "float32")
            squares.setdefault(_layer(variable), []).append(tf.reduce_sum(gradient**2))
            if variable.path in moved:
                others = list(range(len(gradient.shape) - 1))
                moved[variable.path] = tf.reduce_any(gradient != 0, axis=others)
        if moved:
            self.alive.assign(self.alive | tf.concat(list(moved.values()), axis=0))
        names = list(self.layers)
        places = [[row, names.index(name)] for name in squares]
        norms = [tf.sqrt(tf.add_n(parts)) for parts in squares.values()]
        self.table.scatter_nd_update(tf.stack([tf.stack(p) for p in places]), tf.stack(norms))
        return True  # as the other branch of the condition

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
        dead = 1.0 - self.alive.numpy()
        found = np.split(dead, np.cumsum(list(self.units.values())))[:-1]
        self.alive.assign(tf.zeros_like(self.alive))
        return {
            path.rpartition("/")[0]: float(units.mean())
            for path, units in zip(self.units, found, strict=True)
        }

    def on_train_end(self, logs=None):
        if self.model.train_function is self.watched:
            self.model.train_function = self.plain
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
