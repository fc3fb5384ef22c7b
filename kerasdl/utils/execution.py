"""How many training steps TensorFlow runs without returning to Python."""

from collections.abc import Iterable
from typing import Any

import keras

AT_ONCE = 8
WORTH = 500  # steps; a loop in the graph takes longer to trace, and each of its steps is faster
HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


def steps_at_once(
    x: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    callbacks: Any = None,
    steps_per_epoch: int | None = None,
    **_: Any,
) -> int:
    """Return the `steps_per_execution` that makes a call of `fit` fast, by its arguments.

    It is 1 for a short training, and if a callback is called at each batch.
    """
    watched = watches_batches(getattr(callbacks, "callbacks", callbacks) or ())
    steps = epochs * (steps_per_epoch or _steps(x, batch_size))
    return AT_ONCE if steps >= WORTH and not watched else 1


def watches_batches(callbacks: Iterable[keras.callbacks.Callback]) -> bool:
    """Return whether a callback does something at each training batch."""
    callbacks = callbacks if isinstance(callbacks, Iterable) else [callbacks]
    base = keras.callbacks.Callback
    return any(
        getattr(getattr(callback, hook), "__func__", None) is not getattr(base, hook)
        for callback in callbacks
        for hook in HOOKS
    )


def _steps(x, batch_size):
    """Return the steps of an epoch, 0 if they are unknown."""
    first = keras.tree.flatten(x)[0]
    if hasattr(first, "shape"):  # arrays
        return -(-len(first) // (batch_size or 32))
    try:
        return len(first)  # batches of a dataset
    except TypeError:  # unknown or infinite
        return 0
