"""The base class of networks and learners: a functional model with a class."""

import keras

from kerasdl import errors, optimizers
from kerasdl.arguments import Arguments
from kerasdl.utils.fused_batch_normalization import fused_batch_normalization

Shape = tuple[int | None, int | None, int]  # height, width and channels of an image


class Network(Arguments, keras.Model):
    """A network whose `__init__` connects layers from `keras.Input` to its outputs.

    It ends with `super().__init__(inputs, outputs, **kwargs)`, so the network is built from the
    start: summaries, shapes, weights, feature extraction, saving and distribution all work.

    `compile()` without an optimizer and a loss uses those of the family, `training_defaults()`.
    With either of them it is `keras.Model.compile`.
    """

    def compile(self, optimizer=None, loss=None, *args, **kwargs):
        if optimizer is None and loss is None and not args:
            super().compile(**{**self.training_defaults(), **kwargs})
        else:
            super().compile(optimizer or "rmsprop", loss, *args, **kwargs)

    def compile_from_config(self, config: dict):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:  # its variables must exist before loading
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, **kwargs):
        with fused_batch_normalization():
            return super().fit(*args, **kwargs)

    trained_by = ""  # names of the learners that train such a network as a part of theirs

    def training_defaults(self) -> dict:
        """Return the optimizer, loss and metrics of `compile()`; a family overrides it."""
        expected = "an optimizer and a loss"
        expected += f", or to train it in a learner: {self.trained_by}" if self.trained_by else ""
        raise errors.InvalidInput(f"`compile()` of {type(self).__name__}", expected, "neither")


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


def cross_entropy() -> dict:
    """Return the loss and the metric for integer classes or tokens, predicted by logits."""
    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    }
