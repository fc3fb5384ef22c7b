"""The optimizer of a training run."""

import keras

from kerasdl import errors, optimizers, schedules
from kerasdl.callbacks import rates

LOWER = 0.1  # of the learning rate, when all layers are trained after the head
MOST_STEPS = 2**31  # TensorFlow counts them in 32 bits


def adamw(
    learning_rate: float,
    *,
    epochs: int,
    steps: int,
    warmup: float = 1.0,
    weight_decay: float = 0.0,
    head_epochs: int = 0,
    **options,
) -> keras.Optimizer:
    """Make AdamW with linear warm-up to the learning rate and cosine decay to zero.

    Args:
        learning_rate: float, the largest learning rate.
        epochs: int, number of epochs of the training.
        steps: int, steps in an epoch.
        warmup: float, epochs of warm-up; at most half of the training.
        weight_decay: float, weight decay of AdamW.
        head_epochs: int, the first epochs, which train only the head of a network. The others have
            `LOWER` times the learning rate. Both parts warm up and decay.
        **options: Further arguments of `keras.optimizers.AdamW`, such as `beta_1`.

    Example:
        >>> optimizer = adamw(0.01, epochs=2, steps=10)
        >>> type(optimizer).__name__
        'AdamW'
    """
    schedule = _whole_schedule(learning_rate, epochs, steps, warmup, head_epochs)
    return optimizers.AdamW(schedule, weight_decay=weight_decay, **options)


def muon(
    learning_rate: float,
    *,
    epochs: int,
    steps: int,
    warmup: float = 1.0,
    weight_decay: float = 0.0,
    head_epochs: int = 0,
    exclude_last: bool = True,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    **options,
) -> keras.Optimizer:
    """Make Muon with the same learning rate schedule as `adamw`.

    Args:
        learning_rate, epochs, steps, warmup, head_epochs: As in `adamw`.
        weight_decay: float, weight decay of all weights.
        exclude_last: bool, whether AdamW updates the last kernel, which is that of the head.
        beta_1: float, AdamW's decay of the moving average of gradients.
        beta_2: float, AdamW's decay of the moving average of their squares.
        **options: Further arguments of `kerasdl.optimizers.Muon`, such as `global_clipnorm`.

    Example:
        >>> optimizer = muon(0.01, epochs=2, steps=10)
        >>> type(optimizer).__name__
        'Muon'
    """
    return optimizers.Muon(
        _whole_schedule(learning_rate, epochs, steps, warmup, head_epochs),
        weight_decay=weight_decay,
        adam_weight_decay=weight_decay,
        exclude_last=exclude_last,
        adam_beta_1=beta_1,
        adam_beta_2=beta_2,
        **options,
    )


def _whole_schedule(learning_rate, epochs, steps, warmup, head_epochs):
    total = steps * epochs
    if total >= MOST_STEPS:
        received = f"{epochs} epochs of {steps} steps"
        raise errors.InvalidInput(
            "length of a training", f"fewer than {MOST_STEPS:,} steps", received
        )
    schedule = _schedule(learning_rate, total - steps * head_epochs, steps * warmup)
    if head_epochs:
        first = _schedule(learning_rate, steps * head_epochs, steps * warmup)
        schedule = schedules.Joined(first, rates.Scaled(schedule, LOWER), steps * head_epochs)
    return schedule


def _schedule(learning_rate, total, warmup_steps):
    warmup_steps = min(round(warmup_steps), total // 2)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=learning_rate / max(warmup_steps, 1),
        decay_steps=total - warmup_steps,
        warmup_target=learning_rate,
        warmup_steps=warmup_steps,
    )
