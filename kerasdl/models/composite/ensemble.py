"""Ensemble: the mean prediction of several networks that were trained independently."""

import math
from typing import Any

import keras
from keras import ops

from kerasdl import errors, optimizers
from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.vision.simple_cnn import SimpleCNN
from kerasdl.utils import checks

VARIANTS = {
    "Ensemble": {
        "ensemble": {},
        "ensemble_tiny": {"count": 3, "widths": (16, 32), "units": 32, "input_shape": (8, 8, 1)},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class Ensemble(Network):
    """Average the predictions of several networks, whose errors partly cancel.

        p = 1/M sum_m softmax(z_m)        logits = log p        -log p[y] <= 1/M sum_m -log p_m[y]

    Train the members one by one with different seeds, then combine them; the ensemble itself needs
    no training. An ensemble that is fitted as a whole is one wide network, whose members may be
    poor individually.

    Args:
        members: list of built keras.Model with the same input and output shapes. Members with the
            same name are renamed.
        activation: str, what is averaged: "softmax" of the logits of several classes, "sigmoid" of
            a logit for each label, or "linear" for the outputs themselves.

    Example:
        >>> ensemble = Ensemble.create(count=3, widths=(4,), input_shape=(8, 8, 1))
        >>> probabilities = ops.exp(ensemble(ops.ones((1, 8, 8, 1))))
        >>> round(float(ops.sum(probabilities)), 4)
        1.0

    Reference: Lakshminarayanan, Pritzel, Blundell (2017), Simple and Scalable Predictive
        Uncertainty Estimation using Deep Ensembles.
    """

    def __init__(self, members: list[keras.Model], activation: str = "softmax", **kwargs):
        checks.choices(tuple(MEANS), activation=activation)
        _check(members)
        _name_apart(members)
        (symbol,) = members[0].inputs
        inputs = keras.Input(symbol.shape[1:], dtype=symbol.dtype)
        outputs = ops.stack([member(inputs) for member in members])  # (members, batch, ...)
        super().__init__(inputs, MEANS[activation](outputs), **kwargs)
        self.members = list(members)

    def training_defaults(self) -> dict:
        optimizer, activation = optimizers.AdamW(1e-3), self._arguments["activation"]
        if activation == "softmax":
            return {"optimizer": optimizer, **cross_entropy()}
        if activation == "sigmoid":
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
            return {"optimizer": optimizer, "loss": loss}
        return {"optimizer": optimizer, "loss": keras.losses.MeanSquaredError()}

    @classmethod
    def create(
        cls,
        count: int = 5,
        widths: tuple[int, ...] = (32, 64, 128),
        units: int = 512,
        dropout: float = 0.5,
        activation: str = "softmax",
        num_classes: int = 10,
        input_shape: tuple[int, int, int] = (32, 32, 3),
        **kwargs,
    ) -> "Ensemble":
        """Create an ensemble of `count` simple CNNs."""
        checks.integers(count=count)
        shape: dict[str, Any] = {"num_classes": num_classes, "input_shape": input_shape}
        members = [SimpleCNN(widths, units, dropout, **shape) for _ in range(count)]
        return cls(members, activation, **kwargs)


def _log_mean(log_probabilities):
    return ops.logsumexp(log_probabilities, axis=0) - math.log(log_probabilities.shape[0])


MEANS = {
    "softmax": lambda z: _log_mean(ops.log_softmax(z)),
    "sigmoid": lambda z: _log_mean(ops.log_sigmoid(z)) - _log_mean(ops.log_sigmoid(-z)),
    "linear": lambda z: ops.mean(z, axis=0),
}


def _check(members):
    expected = "built networks of one input and one output"
    if not isinstance(members, (list, tuple)) or not members:
        raise errors.InvalidInput("value for argument `members`", f"a list of {expected}", members)
    for member in members:
        ends = [getattr(member, name, None) or () for name in ("inputs", "outputs")]
        if not isinstance(member, keras.Model) or [len(end) for end in ends] != [1, 1]:
            raise errors.InvalidInput("member", f"one of the {expected}", member)
    for part in ("input_shape", "output_shape"):
        shapes = {getattr(member, part) for member in members}
        if len(shapes) > 1:
            raise errors.InvalidInput("members", f"one {part} of all", sorted(shapes, key=str))


def _name_apart(members):
    """Give members different names, which a functional model requires."""
    if len({member.name for member in members}) < len(members):
        for i, member in enumerate(members):
            member.name = f"{member.name}_{i + 1}"
