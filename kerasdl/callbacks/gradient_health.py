"""How large each layer's gradients are while `fit` runs, and what is wrong with them."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl import checks
from kerasdl.callbacks import state
from kerasdl.callbacks.board import Board
from kerasdl.callbacks.gradient_records import GradientRecords
from kerasdl.callbacks.recording_step import RecordingStep
from kerasdl.errors import InvalidInput


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
        optimizers = [inner for _, inner in found]
        blank = np.nan if any(o is not inner for o, inner in found) else 0.0
        self.records = GradientRecords(self.model, optimizers, self.every, blank)
        self.steps, self.norms, self.dead = self.records.steps, self.records.norms, []
        self.looked = 0  # how many were recorded when units were looked at last
        self.step = RecordingStep(self.model, self.records)

    def on_epoch_begin(self, epoch, logs=None):
        self.step.begin()  # in each, for other callbacks make a new one

    def on_epoch_end(self, epoch, logs=None):
        self.records.read()
        if len(self.steps) > self.looked:  # else no step of this epoch was recorded
            self.dead.append(self.records.dead())
            self.looked = len(self.steps)
        last = self.steps[-1] if self.steps else 0
        with self.board.at(last):
            for name, norms in self.norms.items():
                tf.summary.scalar(f"gradient_norm/{name}", norms[-1])

    def on_train_end(self, logs=None):
        self.step.end()
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
