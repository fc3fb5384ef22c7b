"""The loss, optimizer and metrics that a model keeps through every step of its compression."""

import dataclasses
from collections.abc import Callable, Iterable

import keras

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks, execution


@dataclasses.dataclass(frozen=True)
class CompileSettings:
    """The arguments of `compile`, for several models in turn.

    Args:
        optimizer: A function of a step's name and its number of epochs that returns a new
            optimizer.
        loss: The loss, as `compile` takes it.
        options: dict, further arguments of `compile`.
    """

    optimizer: Callable[[str, int], keras.Optimizer]
    loss: object
    options: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, model: keras.Model, optimizer=None, loss=None, metrics=None) -> "CompileSettings":
        """Return the settings of a compiled model, with those that are given replaced."""
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
        return cls(optimizer_factory(optimizer), loss, options)

    def compile(
        self,
        model: keras.Model,
        callbacks: Iterable[keras.callbacks.Callback],
        step: str,
        epochs: int,
    ) -> None:
        """Compile a model with these settings, without XLA, which is slower on a CPU."""
        watched = execution.watches_batches(callbacks)
        model.compile(
            optimizer=self.optimizer(step, epochs),
            loss=self.loss,
            jit_compile=False,
            steps_per_execution=1 if watched else execution.AT_ONCE,
            **self.options,
        )
        model.optimizer.build(model.trainable_variables)  # else `fit` traces twice


def optimizer_factory(
    optimizer: str | dict | keras.Optimizer | Callable[[str, int], keras.Optimizer],
) -> Callable[[str, int], keras.Optimizer]:
    """Return a function of a step's name and its number of epochs that makes an optimizer.

    Args:
        optimizer: Such a function, or an optimizer as `compile` takes it, which is copied.
    """
    if not isinstance(optimizer, (str, dict, keras.Optimizer)):
        return optimizer
    optimizer = keras.optimizers.get(optimizer)
    return lambda step, epochs: type(optimizer).from_config(optimizer.get_config())


def check_callbacks(callbacks: Iterable[keras.callbacks.Callback]) -> None:
    """Refuse callbacks that cannot work, because the trained model is not the user's own."""
    listed = isinstance(callbacks, (list, tuple))
    checks.check("callbacks", callbacks, listed, "a list of Keras callbacks")
    for callback in callbacks:
        name = type(callback).__name__
        if not isinstance(callback, keras.callbacks.Callback):
            raise InvalidInput("callback", "a `keras.callbacks.Callback`", name)
        checkpoint = isinstance(callback, keras.callbacks.ModelCheckpoint)
        if checkpoint and not callback.save_weights_only:
            expected = "`save_weights_only=True` (a model in compression cannot be saved whole)"
            raise InvalidInput(f"callback `{name}`", expected, "`save_weights_only=False`")
