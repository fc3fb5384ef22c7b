"""Record gradient norms and dead units while `fit` runs.

`GradientHealth` is the callback. `_RecordingStep` puts a second training step beside the model's
own, which runs when a record is due. `_Records` holds what that step records in variables, since it
runs inside a `tf.function`.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks import state
from kerasdl.callbacks.event_writer import EventWriter
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.patches import replaced

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ROWS = 512  # recorded steps that the variables hold before they must be read


def label(norm: float, vanishing: float = 1e-7, exploding: float = 100.0) -> str:
    """Classify a gradient norm as "zero", "vanishing", "exploding" or "ok".

    Args:
        norm: float; NaN counts as exploding.
        vanishing: float, the smallest norm that is ok.
        exploding: float, the largest norm that is ok.

    >>> [label(norm) for norm in (0.0, 1e-8, 1e-7, 100.0, 101.0)]
    ['zero', 'vanishing', 'ok', 'ok', 'exploding']
    """
    if norm == 0:
        return "zero"
    if not norm <= exploding:  # NaN too
        return "exploding"
    return "vanishing" if norm < vanishing else "ok"


class GradientHealth(keras.callbacks.Callback):
    """Record the gradient norm of every layer, and how many of its units receive no gradient.

    Norms are computed inside the training step, from the gradients that the optimizers receive,
    once in `every` steps. All other steps are the model's own and cost nothing; for the recorded
    ones the training step is traced a second time. Training is bit-identical with and without this
    callback, unless layers use TensorFlow's stateful random operations or XLA rounds the two steps
    differently.

    A unit is dead in an epoch if no recorded step had a gradient for its weights.

    Args:
        every: int, steps from one record to the next.
        vanishing: float, norms below it are called vanishing.
        exploding: float, norms above it are called exploding.
        log_dir: path of a folder for TensorBoard events; `None` writes none.

    Attributes:
        steps: list, the numbers of the recorded steps.
        norms: dict, path of a layer -> its norm in each of these steps, for layers that are
            trainable when `fit` begins. A step that mixed precision skipped has NaN.
        dead: list, for each epoch with recorded steps: path of a layer -> the fraction of its units
            that received no gradient. Saturated tanh units are among them.
    """

    def __init__(
        self,
        every: int = 20,
        vanishing: float = 1e-7,
        exploding: float = 100.0,
        log_dir: str | os.PathLike | None = None,
    ):
        super().__init__()
        checks.integers(every=every)
        checks.numbers(vanishing=vanishing, exploding=exploding)
        if not 0 <= vanishing < exploding:
            expected = "0 <= vanishing, and vanishing below exploding"
            raise InvalidInput("thresholds for GradientHealth", expected, (vanishing, exploding))
        self.every, self.vanishing, self.exploding = every, vanishing, exploding
        self.events = EventWriter(log_dir)
        self.steps: list[int] = []
        self.norms: dict[str, list[float]] = {}
        self.dead: list[dict[str, float]] = []

    def on_train_begin(self, logs=None):
        if tf.distribute.get_strategy().num_replicas_in_sync > 1 or (
            self.model.distribute_strategy.num_replicas_in_sync > 1
        ):
            expected = "a single device (a few steps on one suffice to look at gradients)"
            raise InvalidInput("strategy for GradientHealth", expected, "several replicas")
        if not self.model.built:
            expected = "one that is built (begin it with a keras.Input, or call it once)"
            raise InvalidInput("model for GradientHealth", expected, "one without weights")
        optimizer = self.model.optimizer
        if optimizer and not optimizer.built:  # an unbuilt one would make each step trace twice
            optimizer.build(self.model.trainable_variables)
        # a LossScaleOptimizer receives scaled gradients, its inner optimizer the true ones, unless
        # the step is skipped
        found = [(o, getattr(o, "inner_optimizer", o)) for o in state.optimizers_of(self.model)]
        optimizers = [inner for _, inner in found]
        skipped_norm = np.nan if any(o is not inner for o, inner in found) else 0.0
        self.records = _Records(self.model, optimizers, self.every, skipped_norm)
        self.steps, self.norms, self.dead = self.records.steps, self.records.norms, []
        self.recorded_before = 0  # number of records when `dead` was last computed
        self.step = _RecordingStep(self.model, self.records)

    def on_epoch_begin(self, epoch, logs=None):
        self.step.begin()  # in each epoch, because other callbacks may make a new training step

    def on_epoch_end(self, epoch, logs=None):
        self.records.read()
        if len(self.steps) > self.recorded_before:
            self.dead.append(self.records.dead_fractions())
            self.recorded_before = len(self.steps)
        last = self.steps[-1] if self.steps else 0
        with self.events.at(last):
            for name, norms in self.norms.items():
                tf.summary.scalar(f"gradient_norm/{name}", norms[-1])

    def on_train_end(self, logs=None):
        self.step.end()
        self.events.close()

    def labels(self) -> dict[str, str]:
        """Classify each layer by its median norm in the last half of the recorded steps."""
        half = len(self.steps) // 2
        return {
            name: label(float(np.median(norms[half:])), self.vanishing, self.exploding)
            for name, norms in self.norms.items()
        }

    def figure(self) -> "Figure":
        """Plot norms over steps, a line for each layer, with both thresholds."""
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(9, 4.5), layout="constrained")
        shades = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(self.norms)))
        for (name, norms), shade in zip(self.norms.items(), shades, strict=True):
            axis.semilogy(self.steps, np.maximum(norms, 1e-12), color=shade, label=name)
        for limit in (self.vanishing, self.exploding):
            axis.axhline(limit, color="grey", linestyle=":")
        axis.set(xlabel="step", ylabel="gradient norm", title="Gradient norms, first layer to last")
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        return figure


class _Records:
    """What one step in `every` records of its gradients, held in variables until it is read.

    Args:
        model: its layers that are trainable now are recorded.
        optimizers: the optimizers that take its steps.
        every: int, steps from one record to the next.
        skipped_norm: float, the norm of a due step in which no optimizer was called.

    Attributes:
        count: variable, the number of steps so far.
        steps: list, numbers of the recorded steps that were read.
        norms: dict, path of a layer -> its norm in each of these.
    """

    def __init__(self, model, optimizers, every, skipped_norm):
        self.optimizers, self.every, self.skipped_norm = optimizers, every, skipped_norm
        self.layers = list(dict.fromkeys(map(_layer_path, model.trainable_weights)))
        self.rows = max(ROWS, -(-model.steps_per_execution // every))
        self.axes = _unit_axes(model)
        weights = [w for w in model.trainable_weights if w.path in self.axes]
        self.units = {weight.path: weight.shape[self.axes[weight.path]] for weight in weights}
        self.table = tf.Variable(tf.zeros((self.rows, len(self.layers))), trainable=False)
        self.alive = tf.Variable(tf.zeros(sum(self.units.values()), bool), trainable=False)
        self.count = tf.Variable(0, dtype="int64", trainable=False)
        self.unread = 0  # an upper bound of the rows that were not read
        self.steps, self.norms = [], {}

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Record the gradients of a step inside the `with` block, if a record is due."""
        due = self.count % self.every == 0
        row = tf.cast(self.count // self.every % self.rows, "int32")
        blank = tf.fill((1, len(self.layers)), tf.constant(self.skipped_norm, "float32"))
        _run_if(due, lambda: self.table.scatter_nd_update([[row]], blank))
        with contextlib.ExitStack() as stack:
            for optimizer in self.optimizers:
                apply = self._recording_apply(optimizer, optimizer.apply, due, row)
                stack.enter_context(replaced(optimizer, "apply", apply))
            yield
        self.count.assign_add(1)

    def _recording_apply(self, optimizer, plain, due, row):
        def apply(grads, trainable_variables=None):
            variables = trainable_variables or optimizer._trainable_variables
            pairs = zip(variables, grads, strict=True)
            pairs = [pair for pair in pairs if _layer_path(pair[0]) in self.layers]
            _run_if(due, lambda: self._record(pairs, row))
            return plain(grads, trainable_variables)

        return apply

    def _record(self, pairs, row):
        squares = {}
        reached = {path: tf.zeros(count, bool) for path, count in self.units.items()}
        for variable, gradient in pairs:
            parts = squares.setdefault(_layer_path(variable), [tf.constant(0.0)])
            if gradient is not None:
                gradient = tf.cast(tf.convert_to_tensor(gradient), "float32")
                parts.append(tf.reduce_sum(gradient**2))
                if variable.path in reached:
                    others = list(range(len(gradient.shape)))
                    del others[self.axes[variable.path]]
                    reached[variable.path] = tf.reduce_any(gradient != 0, axis=others)
        if reached:
            self.alive.assign(self.alive | tf.concat(list(reached.values()), axis=0))
        places = tf.stack([tf.stack([row, self.layers.index(name)]) for name in squares])
        norms = tf.stack([tf.sqrt(tf.add_n(parts)) for parts in squares.values()])
        self.table.scatter_nd_update(places, norms)

    def make_room(self, records):
        """Read the table if it has no room for this many more records."""
        if self.unread + records > self.rows:
            self.read()
        self.unread += records

    def read(self):
        """Move the records from the table to `steps` and `norms`."""
        recorded, table = -(-int(self.count) // self.every), self.table.numpy()
        for number in range(max(len(self.steps), recorded - self.rows), recorded):
            self.steps.append(number * self.every)
            for name, norm in zip(self.layers, table[number % self.rows], strict=True):
                self.norms.setdefault(name, []).append(float(norm))
        self.unread = 0

    def dead_fractions(self) -> dict[str, float]:
        """Fraction of each layer's units that received no gradient since the last call."""
        dead = 1.0 - self.alive.numpy()
        found: dict[str, np.ndarray] = {}
        self.alive.assign(tf.zeros_like(self.alive))
        ends = np.cumsum(list(self.units.values()))
        for path, units in zip(self.units, np.split(dead, ends)[:-1], strict=True):
            layer = path.rpartition("/")[0]
            known = found.get(layer, units)  # an LSTM has two matrices for the same units
            found[layer] = known * units if len(known) == len(units) else units
        return {layer: float(units.mean()) for layer, units in found.items()}


class _RecordingStep:
    """A training step that runs a recording copy when a record is due, and the model's own if not.

    Steps that XLA compiles, and several steps in one call, always run the recording copy: its
    condition costs less than compiling both.
    """

    def __init__(self, model, records):
        self.model, self.records = model, records
        self.calls = 0
        self.step = None
        *_, model.train_function = chain(model.train_function)  # a stopped `fit` may leave its own

    def begin(self):
        """Replace the model's training step, unless it is replaced already."""
        if self.step not in chain(self.model.train_function):
            self.step = self._with_records(self.model.train_function)
            self.model.train_function = self.step

    def end(self):
        """Restore the model's own training step."""
        if self.model.train_function is self.step:
            self.model.train_function = self.step.plain

    def _with_records(self, plain):
        records, steps_per_call = self.records, self.model.steps_per_execution
        recording = self._recording_copy()
        both = steps_per_call == 1 and not self.model.jit_compile

        def step(iterator):
            if both and self.calls % records.every:
                outputs = plain(iterator)
            else:
                records.make_room(-(-steps_per_call // records.every))
                if both:
                    records.count.assign(self.calls)
                outputs = recording(iterator)
            self.calls += 1
            return outputs

        step.plain = plain
        return step

    def _recording_copy(self):
        plain = self.model.train_step

        def train_step(data):
            with self.records.step():
                return plain(data)

        with replaced(self.model, "train_step", train_step):
            self.model.make_train_function(force=True)
        return self.model.train_function


def chain(function) -> Iterator:
    """Yield a training step, the one that it wraps, and so on."""
    while function is not None:
        yield function
        function = getattr(function, "plain", None)


def _layer_path(weight):
    return weight.path.rpartition("/")[0]


def _unit_axes(model):
    """Path of a weight -> its axis along which the units are counted."""
    transposed = (
        keras.layers.Conv1DTranspose,
        keras.layers.Conv2DTranspose,
        keras.layers.Conv3DTranspose,
    )
    layers = [x for x in model._flatten_layers() if isinstance(x, transposed) and x.built]
    kernels = [layer.kernel.path for layer in layers]
    matrices = [weight for weight in model.trainable_weights if len(weight.shape) > 1]
    return {weight.path: -2 if weight.path in kernels else -1 for weight in matrices}


def _run_if(condition, function):
    """Call a function if a tensor is true; also inside a graph."""

    def then():
        function()
        return True

    tf.cond(condition, then, lambda: True)
