"""What a network learns for, through every step of its compression."""

import dataclasses
from collections.abc import Callable

import keras

from kerasdl.errors import InvalidInput

STEPS_PER_EXECUTION = 8


@dataclasses.dataclass(frozen=True)
class Objective:
    """How a network learns: what `compile` takes.

    Args:
        optimizer: From a step and its epochs to a new optimizer.
        loss: Like that of `compile`.
        options: More for `compile`.
    """

    optimizer: Callable[[str, int], keras.Optimizer]
    loss: object
    options: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, model, optimizer=None, loss=None, metrics=None):
        """Of a compiled model, unless something else is given."""
        compiled = model._compile_config.config if model.compiled else {}
        optimizer = optimizer or compiled.get("optimizer")
        loss = loss if loss is not None else compiled.get("loss")
        if loss is None or optimizer is None:
            expected = "a model compiled with a loss, or the arguments `loss` and `optimizer`"
            received = "no loss" if loss is None else "no optimizer"
            raise InvalidInput(f"model `{model.name}`", expected, received)
        options = {k: compiled.get(k) for k in ("loss_weights", "metrics", "weighted_metrics")}
        if metrics is not None:
            options["metrics"] = metrics
        return cls(maker(optimizer), loss, options)

    def compile(self, model, callbacks, step, epochs):
        """Compile a model to learn this way; XLA on a CPU would slow it down."""
        watched = any(_watches_batches(callback) for callback in callbacks)
        model.compile(
            optimizer=self.optimizer(step, epochs),
            loss=self.loss,
            jit_compile=False,
            steps_per_execution=1 if watched else STEPS_PER_EXECUTION,
            **self.options,
        )
        model.optimizer.build(model.trainable_variables)  # else `fit` traces twice


def maker(optimizer):
    """From a step and its epochs to its optimizer: what is given does that, or is made anew."""
    if not isinstance(optimizer, (str, dict, keras.Optimizer)):
        return optimizer
    optimizer = keras.optimizers.get(optimizer)
    return lambda step, epochs: type(optimizer).from_config(optimizer.get_config())


def check_callbacks(callbacks):
    """Refuse what cannot work on a network in training that is not the user's own model."""
    for callback in callbacks:
        name = type(callback).__name__
        if not isinstance(callback, keras.callbacks.Callback):
            raise InvalidInput("callback", "a `keras.callbacks.Callback`", name)
        whole = isinstance(callback, keras.callbacks.ModelCheckpoint)
        if whole and not callback.save_weights_only:
            expected = "`save_weights_only=True`: a network in compression has no file of its own"
            raise InvalidInput(f"callback `{name}`", expected, "one that saves the whole model")


def _watches_batches(callback):
    base = keras.callbacks.Callback
    hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return any(getattr(type(callback), hook) is not getattr(base, hook) for hook in hooks)
