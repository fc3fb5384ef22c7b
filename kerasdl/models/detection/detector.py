"""What all detectors share: their targets, and how their outputs become boxes."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasdl import optimizers
from kerasdl.models.network import Network
from kerasdl.utils.global_mean import global_mean
from kerasdl.utils.types import Tensor


class Detector(Network):
    """A network that finds any number of objects in an image.

    The targets of `fit` are "class" (batch, objects), -1 where an image has fewer objects, and
    "boxes" (batch, objects, 4): x1, y1, x2, y2 as fractions of width and height.

    Attributes:
        head: layer from the outputs of the network to boxes, classes and scores.
        floats_only: bool, whether files of the network cannot have integer activations.
    """

    head: keras.layers.Layer
    floats_only: bool = False

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3, global_clipnorm=10.0)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean loss of the images of a batch."""
        losses = self.losses_of(y_pred, y)
        if sample_weight is not None:
            losses = losses * ops.cast(sample_weight, losses.dtype)
        return global_mean(losses)

    def losses_of(self, outputs: Any, targets: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of each image, (batch,), for the targets of `fit`."""
        boxes = ops.cast(targets["boxes"], self.outputs[0].dtype)
        classes = ops.reshape(ops.cast(targets["class"], "int32"), (-1, boxes.shape[1]))
        return self.image_losses(outputs, classes, boxes)

    def image_losses(self, outputs: Any, classes: Tensor, boxes: Tensor) -> Tensor:
        """Return the loss of each image, (batch,).

        Args:
            outputs: The outputs of the network.
            classes: int32 tensor (batch, objects), -1 where an image has fewer.
            boxes: tensor (batch, objects, 4), zeros where an image has fewer.
        """
        raise NotImplementedError(f"{type(self).__name__}.image_losses")

    def detect(self, images: Tensor, **options: Any) -> dict[str, Tensor]:
        """Return the boxes, classes and scores of the objects in a batch of images.

        Args:
            images: tensor (batch, height, width, channels).
            **options: Of the head, such as `lowest=0.5`.
        """
        return self._head(options)(self(images, training=False))

    def with_detections(self, **options: Any) -> keras.Model:
        """Return a model from images to boxes, classes and scores, for example to export.

        Args:
            **options: Of the head, such as `lowest=0.5`.
        """
        return keras.Model(self.input, self._head(options)(self.output), name=self.name)

    def _head(self, options):
        head = self.head
        return type(head).from_config({**head.get_config(), **options}) if options else head


def levels(maps: Mapping[int, Any], shapes: np.ndarray, input_shape: tuple) -> list[dict]:
    """Return the levels of maps by their strides, as `Detections` takes them.

    Args:
        maps: dict from strides to maps.
        shapes: array (anchors, 2), widths and heights of the anchors of a cell relative to the
            stride.
        input_shape: tuple (height, width, channels) of the image.
    """
    size = np.array(input_shape[:2])
    return [
        {
            "grid": x.shape[1:3],
            "step": (stride / size).tolist(),
            "shapes": (stride * shapes / size[::-1]).tolist(),
        }
        for stride, x in maps.items()
    ]


def smooth_l1(true: Tensor, found: Tensor, beta: float) -> Tensor:
    """Return the smooth L1 loss of codes (..., 4): squared below `beta`, linear above."""
    return 4 / beta * keras.losses.huber(true, found, delta=beta)  # which is the mean of the four
