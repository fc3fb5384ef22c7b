"""A grid detector: each cell of a map finds the object whose center lies in it."""

import keras
from keras import layers, ops

from kerasdl.layers import chain
from kerasdl.layers.block import Block
from kerasdl.layers.residual import conv_bn
from kerasdl.losses import GIoU
from kerasdl.models.detection.coding import LARGEST
from kerasdl.models.detection.detections import picked, picked_spec
from kerasdl.models.detection.detector import Detector
from kerasdl.utils import checks

VARIANTS = {
    "GridDetector": {
        "grid_detector": {"widths": (32, 64, 128, 256, 512), "input_shape": (256, 256, 3)},
        "grid_detector_tiny": {},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class GridDetector(Detector):
    """A one-stage detector without anchors, in the manner of YOLO.

    A convolutional network halves the image until each pixel of its map is a cell. The cell in
    which the center of an object lies finds it; the others say that they are empty. If two centers
    lie in one cell, it finds the larger object.

        L = 1/N ( sum over cells BCE(object) + sum over objects 5 GIoU(box) + CE(class) )

    N is the number of objects of an image, and empty cells count half.

    Args:
        widths: tuple of int, channels of each stage; each halves the image but the first.
        depth: int, convolutions of each stage.
        num_classes: int, number of classes, without a background.
        input_shape: tuple (height, width, channels).

    Output shape: (batch, rows, columns, 5 + num_classes): the logit of an object, its box as
        `GridDetections` reads it, and the logits of its class.

    Reference: Redmon et al. (2016), You Only Look Once: Unified, Real-Time Object Detection.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (16, 32, 64, 96),
        depth: int = 2,
        num_classes: int = 5,
        input_shape: tuple[int, int, int] = (64, 64, 3),
        **kwargs,
    ):
        checks.integer_tuples(widths=widths)
        checks.integers(depth=depth, num_classes=num_classes)
        checks.image_shapes(smallest=2 ** (len(widths) - 1), input_shape=input_shape)
        x = inputs = keras.Input(input_shape)  # 64
        for stage, width in enumerate(widths):  # 64, 32, 16, 8
            for i in range(depth):
                strides = 2 if stage > 0 and i == 0 else 1
                x = chain.call([*conv_bn(width, 3, strides), layers.ReLU()], x)
        small = keras.initializers.RandomNormal(stddev=0.01)  # every box starts at its cell
        cells = layers.Conv2D(5 + num_classes, 1, kernel_initializer=small, name="cells")(x)
        super().__init__(inputs, cells, **kwargs)
        self.head = GridDetections(name="detections")

    def image_losses(self, outputs, classes, boxes):
        rows, columns, numbers = outputs.shape[1:]
        cells = ops.reshape(outputs, (-1, rows * columns, numbers))
        area = ops.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)  # (batch, objects)
        center = (boxes[..., :2] + boxes[..., 2:]) / 2
        column = ops.clip(ops.floor(center[..., 0] * columns), 0, columns - 1)
        row = ops.clip(ops.floor(center[..., 1] * rows), 0, rows - 1)
        place = ops.cast(row * columns + column, "int32")
        place = ops.one_hot(place, rows * columns, dtype=area.dtype)
        claims = place * area[..., None]  # (batch, objects, cells)
        there, number = ops.max(claims, axis=1) > 0, ops.argmax(claims, axis=1)
        labels = ops.maximum(ops.take_along_axis(classes, number, axis=1), 0)
        true = ops.take_along_axis(boxes, number[..., None], axis=1)
        logits = cells[..., 0]
        losses = ops.where(there, ops.softplus(-logits), 0.5 * ops.softplus(logits))
        moved = GIoU(reduction=None)(true, self.head.decode(outputs))
        entropy = ops.sparse_categorical_crossentropy(labels, cells[..., 5:], from_logits=True)
        losses = losses + ops.where(there, 5 * moved + entropy, 0.0)
        count = ops.sum(ops.cast(there, losses.dtype), axis=-1)
        return ops.sum(losses, axis=-1) / ops.maximum(count, 1.0)


@keras.saving.register_keras_serializable(package="kerasdl")
class GridDetections(Block):
    """Take the boxes of the cells of a grid, and drop those that overlap a better one.

    Each cell gives the logit of whether the center of an object lies in it, four numbers t of its
    box, and the logits of its classes:

        center = (cell + sigmoid(t_xy)) / cells        size = e^t_wh / 4
        score = sigmoid(object) softmax(classes)

    Args:
        lowest: float, smallest score of a box that is returned.
        overlap: float, largest overlap of two boxes of one class.
        count: int, number of boxes for each image.

    Input shape: (batch, rows, columns, 5 + classes)

    Output shape: a dictionary of "boxes" (batch, count, 4): x1, y1, x2, y2 as fractions of width
        and height; "class" (batch, count), -1 where there are no more; and "score" (batch, count).
    """

    def __init__(self, lowest: float = 0.05, overlap: float = 0.5, count: int = 100, **kwargs):
        super().__init__(**kwargs)
        checks.fractions(one=True, lowest=lowest, overlap=overlap)
        checks.integers(count=count)
        self.lowest, self.overlap, self.count = lowest, overlap, count

    def decode(self, cells):
        """Return the box of each cell, (batch, rows * columns, 4)."""
        rows, columns = cells.shape[1:3]
        place = ops.stack(ops.meshgrid(ops.arange(columns), ops.arange(rows)), axis=-1)
        grid = ops.convert_to_tensor([columns, rows], cells.dtype)
        center = (ops.cast(place, cells.dtype) + ops.sigmoid(cells[..., 1:3])) / grid
        half = ops.exp(ops.minimum(cells[..., 3:5], LARGEST)) / 8
        corners = ops.concatenate([center - half, center + half], axis=-1)
        return ops.reshape(corners, (-1, rows * columns, 4))

    def call(self, inputs):
        cells = ops.cast(inputs, "float32")
        rows, columns, numbers = cells.shape[1:]
        scores = ops.sigmoid(cells[..., :1]) * ops.softmax(cells[..., 5:])
        scores = ops.reshape(scores, (-1, rows * columns, numbers - 5))
        scores, classes = (part[..., 0] for part in ops.top_k(scores, 1))
        found, classes = ops.clip(self.decode(cells), 0.0, 1.0), ops.cast(classes, "int32")
        options = {"threshold": self.overlap, "count": self.count, "lowest": self.lowest}
        return picked(found, scores, classes, **options)

    def compute_output_spec(self, inputs):
        return picked_spec(inputs.shape[0], self.count)
