"""Check gradients against finite differences of the loss."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks, precision
from kerasdl.utils.types import Arrays


@dataclasses.dataclass(frozen=True)
class GradientCheck:
    """Result of `gradient_check`.

    Args:
        errors: dict, path of a weight -> its largest relative error,
            |automatic - numeric| / (|automatic| + |numeric|).
        at_most: float, the largest error of a correct gradient.
    """

    errors: dict[str, float]
    at_most: float

    @property
    def right(self) -> bool:
        """Whether all gradients are correct."""
        return all(error <= self.at_most for error in self.errors.values())

    @property
    def worst(self) -> str:
        """Path of the weight with the largest error."""
        if not self.errors:
            raise InvalidInput("model", "trainable weights", "none")
        return max(self.errors, key=lambda path: self.errors[path])


def gradient_check(
    model: keras.Model,
    x: Arrays,
    y: Arrays,
    *,
    loss: str | keras.losses.Loss | Callable | None = None,
    directions: int = 3,
    epsilon: float = 1e-5,
    at_most: float = 1e-4,
) -> GradientCheck:
    """Compare each weight's gradient with central differences, on a copy of the model in float64.

        grad L(w) . v  =  (L(w + e v) - L(w - e v)) / 2e        for random directions v

    It finds what no learning curve shows: a wrong custom gradient or `stop_gradient`. If a kink,
    such as that of ReLU, lies between the two points, the difference is wrong: try another
    `epsilon`.

    Args:
        model: `keras.Model` that can be made from its configuration. It is called with
            `training=False`, so without dropout.
        x: array or nested arrays, the inputs of a small batch.
        y: array, the targets of the batch.
        loss: a Keras loss, its name or a function; by default the one the model is compiled with.
        directions: int, random directions for each weight, at most 10,000.
        epsilon: float in (0, 1], the step e of the differences.
        at_most: float in (0, 1], the largest relative error of a correct gradient.

    Returns:
        A `GradientCheck`.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "tanh")])
        >>> gradient_check(model, np.eye(2), np.ones((2, 1)), loss="mse").right
        True
    """
    checks.models(model=model)
    checks.arrays(x=x, y=y)
    checks.integers(directions=directions, limit=10_000)
    checks.numbers(above=0, limit=1, epsilon=epsilon)
    holds = checks.is_number(at_most) and 0 < at_most <= 1
    checks.check("at_most", at_most, holds, "a number above 0 and at most 1")
    loss = _loss(loss if loss is not None else getattr(model, "loss", None))
    copied = in_float64(model)
    # calling a Loss would cast to float32
    compare = loss.call if isinstance(loss, keras.losses.Loss) else loss
    x, y = (tf.nest.map_structure(_wide, values) for values in (x, y))

    @tf.function
    def value():
        return tf.reduce_mean(compare(y, copied(x, training=False))) + sum(copied.losses)

    with tf.GradientTape() as tape:
        now = value()
    weights = copied.trainable_variables
    gradients = tape.gradient(now, [w.value for w in weights], unconnected_gradients="zero")
    random = np.random.default_rng(0)
    errors = {}
    for weight, original, gradient in zip(
        weights, model.trainable_variables, gradients, strict=True
    ):
        found = [
            _error(value, weight, tf.convert_to_tensor(gradient), epsilon, random)
            for _ in range(directions)
        ]
        errors[original.path] = max(found)
    return GradientCheck(errors, at_most)


def _loss(given):
    """The loss as a `Loss` or a function."""
    if given is None:
        raise InvalidInput("argument `loss`", "a loss, because the model is not compiled", None)
    if isinstance(given, list | tuple | dict):
        raise InvalidInput("argument `loss`", "a single loss for a single output", given)
    try:
        return keras.losses.get(given)
    except ValueError:
        expected = "a loss of Keras, its name, or a function"
        raise InvalidInput("argument `loss`", expected, repr(given)) from None


def _error(value, weight, gradient, epsilon, random):
    """The relative error of a gradient along a random direction."""
    direction = random.normal(size=weight.shape)
    direction /= np.linalg.norm(direction) or 1.0
    start = np.array(weight)
    weight.assign(start + epsilon * direction)
    above = float(value())
    weight.assign(start - epsilon * direction)
    below = float(value())
    weight.assign(start)
    numeric, automatic = (above - below) / (2 * epsilon), float(np.sum(gradient * direction))
    size = abs(numeric) + abs(automatic)
    return abs(numeric - automatic) / size if size > 1e-9 else 0.0


def in_float64(model: keras.Model) -> keras.Model:
    """Return a copy of the model that computes in float64."""
    try:
        with precision.under("float64"):
            copied = type(model).from_config(_widened(model.get_config()))
            copied.build(model.input_shape) if not copied.built else None
            copied.set_weights(model.get_weights())
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        expected = "one that can be made from its configuration"
        raise InvalidInput(f"model `{model.name}` to check", expected, reason) from error
    return copied


def _widened(config):
    """Return the configuration of a model with float64 in place of every other precision."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float64"}}
        return {
            key: "float64" if key == "dtype" and value in precision.POLICIES else _widened(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(map(_widened, config))
    return config


def _wide(values):
    values = np.asarray(values)
    return values.astype("float64") if values.dtype.kind == "f" else values
