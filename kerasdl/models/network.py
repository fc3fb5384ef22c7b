"""The base class of networks and learners: a functional model with a class."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from kerasdl import errors, optimizers
from kerasdl.arguments import Arguments
from kerasdl.utils import execution, precision
from kerasdl.utils.fast_training import fast_training

Shape = tuple[int | None, int | None, int]  # height, width and channels of an image


class Network(Arguments, keras.Model):
    """A network whose `__init__` connects layers from `keras.Input` to its outputs.

    It ends with `super().__init__(inputs, outputs, **kwargs)`, so the network is built from the
    start: summaries, shapes, weights, feature extraction, saving and distribution all work.

    `compile()` without an optimizer and a loss uses those of the family, `training_defaults()`.
    With either of them it is `keras.Model.compile`. Without them and `steps_per_execution`, a long
    training runs several steps without returning to Python; the numbers stay the same.

    Under the policies "mixed_bfloat16" and "mixed_float16" the layers compute in half precision;
    weights and outputs are float32, so losses and metrics are too. A file keeps the policy.
    """

    def __init__(self, inputs: Any, outputs: Any, **kwargs):
        policy, dtype = keras.config.dtype_policy(), kwargs.pop("dtype", None)
        if dtype is not None and keras.dtype_policies.get(dtype) != policy:
            expected = f"{policy.name}, the policy of its layers (`create_model` sets both)"
            raise errors.InvalidInput(f"`dtype` of {type(self).__name__}", expected, dtype)
        super().__init__(inputs, keras.tree.map_structure(_in_float32, outputs), **kwargs)
        made_by = [tensor._keras_history.operation for tensor in keras.tree.flatten(outputs)]
        self.output_names = [operation.name for operation in made_by]

    def get_config(self) -> dict:
        return {**super().get_config(), "dtype": self.dtype_policy.name}

    @classmethod
    def from_config(cls, config: dict):
        with precision.under(config.get("dtype")):
            return super().from_config(config)

    _chooses_steps = False  # whether `fit` sets `steps_per_execution`

    def compile(self, optimizer: Any = None, loss: Any = None, *args: Any, **kwargs: Any) -> None:
        by_default = optimizer is None and loss is None and not args
        self._chooses_steps = by_default and "steps_per_execution" not in kwargs
        if by_default:
            super().compile(**{**self.training_defaults(), **kwargs})
        else:
            super().compile(optimizer or "rmsprop", loss, *args, **kwargs)

    def compile_from_config(self, config: dict):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:  # its variables must exist before loading
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, **kwargs):
        if self._chooses_steps:
            given = inspect.signature(super().fit).bind(*args, **kwargs).arguments
            self._set_steps(execution.steps_at_once(**given))
        with fast_training():
            return super().fit(*args, **kwargs)

    def _set_steps(self, at_once):
        """Set `steps_per_execution`; functions that were traced for another one are dropped."""
        if at_once != self.steps_per_execution:
            self.steps_per_execution = at_once
            self.train_function = self.test_function = self.predict_function = None

    def make_train_function(self, force: bool = False) -> Callable:
        if self.optimizer is not None and not self.optimizer.built:  # else the step is traced twice
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    trained_by = ""  # names of the learners that train such a network as a part of theirs

    def training_defaults(self) -> dict:
        """Return the optimizer, loss and metrics of `compile()`; a family overrides it."""
        expected = "an optimizer and a loss"
        expected += f", or to train it in a learner: {self.trained_by}" if self.trained_by else ""
        raise errors.InvalidInput(f"`compile()` of {type(self).__name__}", expected, "neither")


def _in_float32(outputs):
    """Cast outputs in half precision by a layer, which is none for compression and export."""
    if outputs.dtype not in ("float16", "bfloat16"):
        return outputs
    return keras.layers.Activation("linear", dtype="float32")(outputs)


class Classifier(Network):
    """A network that returns a logit for each class or, as a backbone, its last feature map.

    Args of every subclass:
        num_classes: int, number of logits. With `1` the output is a number to predict; with `None`
            it is the last feature map, without pooling and dense layers (a backbone).
        input_shape: tuple, the shape of one input.

    Attributes:
        pyramid: dict from a stride (1, 2, 4, 8, ...) to the last feature map with that stride, the
            factor by which it is smaller than the image. For example,
            `keras.Model(network.input, [network.pyramid[8], network.pyramid[16]])` returns two.
    """

    pyramid: dict[int, Any]

    def resized(self, input_shape: Shape) -> "Classifier":
        """Return this network for images of another size, with the same weights.

        Tables of positions are interpolated. Dense layers that see each pixel of a map fit one
        size only; a network with such layers is refused.

        Args:
            input_shape: tuple (height, width, channels).

        Example:
            >>> import kerasdl
            >>> vit = kerasdl.create_model("vit_tiny", input_shape=(28, 28, 1))
            >>> vit.resized((56, 56, 1)).input_shape
            (None, 56, 56, 1)
        """
        other = type(self).from_config({**self.get_config(), "input_shape": input_shape})
        for layer, resized in zip(self.layers, other.layers, strict=True):
            weights = layer.get_weights()
            if hasattr(layer, "resized"):
                weights = layer.resized(weights, resized)
            if [weight.shape for weight in weights] != [tuple(w.shape) for w in resized.weights]:
                expected = f"{tuple(self.input_shape[1:])}, the only size of its `{layer.name}`"
                raise errors.InvalidInput("value for argument `input_shape`", expected, input_shape)
            resized.set_weights(weights)
        return other

    def training_defaults(self) -> dict:
        num_classes = self._arguments["num_classes"]
        if num_classes is None:
            expected = "a network with classes, or an optimizer and a loss"
            raise errors.InvalidInput("`compile()` of a backbone", expected, "num_classes=None")
        optimizer = optimizers.AdamW(1e-3)
        if num_classes == 1:
            mean_absolute_error = keras.metrics.MeanAbsoluteError(name="mae")
            loss = keras.losses.MeanSquaredError()
            return {"optimizer": optimizer, "loss": loss, "metrics": [mean_absolute_error]}
        return {"optimizer": optimizer, **cross_entropy()}


class Segmenter(Network):
    """A network that returns logits (batch, height, width, num_classes): a class for each pixel.

    Args of every subclass:
        num_classes: int, number of classes, with that of the background.
        input_shape: tuple (height, width, channels).
    """

    def training_defaults(self) -> dict:
        overlap = keras.metrics.MeanIoU(
            self._arguments["num_classes"], sparse_y_pred=False, name="iou"
        )
        pixels = cross_entropy()
        metrics = [*pixels["metrics"], overlap]
        return {"optimizer": optimizers.AdamW(1e-3), "loss": pixels["loss"], "metrics": metrics}


def cross_entropy() -> dict:
    """Return the loss and the metric for integer classes or tokens, predicted by logits."""
    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    }
