"""Are the gradients right? Compared with what the loss really does when a weight is moved."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from kerasdl import checks
from kerasdl.errors import InvalidInput


@dataclasses.dataclass(frozen=True)
class GradientCheck:
    """How far gradients are from differences.

    Args:
        errors: Path of a weight -> |automatic - numeric| / (|automatic| + |numeric|), the largest.
        at_most: What counts as right.
    """

    errors: dict
    at_most: float

    @property
    def right(self) -> bool:
        return all(error <= self.at_most for error in self.errors.values())

    @property
    def worst(self) -> str:
        if not self.errors:
            raise InvalidInput("model", "weights that can be trained", "none")
        return max(self.errors, key=self.errors.get)


def gradient_check(
    model: keras.Model,
    x,
    y,
    *,
    loss=None,
    directions: int = 3,
    epsilon: float = 1e-5,
    at_most: float = 1e-4,
) -> GradientCheck:
    """Compare each weight's gradient with central differences, on a copy of the model in float64.

        grad L(w) . v  =  (L(w + e v) - L(w - e v)) / 2e        for random directions v

    It finds what no training curve tells: a custom gradient, or a `stop_gradient`, that is wrong. A
    kink, as ReLU has, may lie between the two points: then try another `epsilon`.

    Args:
        model: Any model that can be made from its configuration; as when judging, without dropout.
        x, y: A small batch.
        loss: A Keras loss; by default what the model was compiled with.
        directions: How many for each weight.
        epsilon: e.
        at_most: The largest relative error that is right.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "tanh")])
        >>> gradient_check(model, np.eye(2), np.ones((2, 1)), loss="mse").right
        True

    Spec: DBG-04, BAS-13
    """
    checks.argument("directions", directions, checks.POSITIVE)
    checks.argument("epsilon", epsilon, checks.ABOVE_ZERO)
    loss = _loss(loss if loss is not None else getattr(model, "loss", None))
    copied = in_float64(model)
    compare = loss.call if isinstance(loss, keras.losses.Loss) else loss  # it casts to 32 bits
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
    """A loss by its name, or as it is."""
    if given is None:
        raise InvalidInput("argument `loss`", "a loss, for the model is not compiled", None)
    if isinstance(given, list | tuple | dict):
        raise InvalidInput("argument `loss`", "one loss, of one output", given)
    try:
        return keras.losses.get(given)
    except ValueError:
        expected = "a loss of Keras, its name, or a function"
        raise InvalidInput("argument `loss`", expected, repr(given)) from None


def _error(value, weight, gradient, epsilon, random):
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
    """The same model with 64-bit weights and sums."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        copied = type(model).from_config(_widened(model.get_config()))
        copied.build(model.input_shape) if not copied.built else None
        copied.set_weights(model.get_weights())
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        expected = "one that can be made again from its configuration"
        raise InvalidInput(f"model `{model.name}` to check", expected, reason) from error
    finally:
        keras.config.set_dtype_policy(before)
    return copied


def _widened(config):
    """A configuration whose precisions are float64."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float64"}}
        return {
            key: "float64" if key == "dtype" and value == "float32" else _widened(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(map(_widened, config))
    return config


def _wide(values):
    values = np.asarray(values)
    return values.astype("float64") if values.dtype.kind == "f" else values
