"""SSD: anchors on maps of a plain network that keeps halving the image."""

import math

import keras
from keras import layers, ops

from kerasdl import errors
from kerasdl.layers import LayerScale
from kerasdl.models.detection import mining
from kerasdl.models.detection.anchor_detector import AnchorDetector
from kerasdl.models.detection.detections import Detections
from kerasdl.utils import checks

VARIANTS = {
    "SSD": {
        "ssd": {},
        "ssd_tiny": {
            "depths": (1, 1, 1, 1),
            "widths": (16, 32, 64, 64),
            "units": 96,
            "extras": ((32, 64, 2), (32, 64, 2)),
            "ratios": ((2,), (2,), (2,), (2,)),
            "scales": (0.2, 0.4, 0.6, 0.8, 1.0),
            "num_classes": 5,
            "input_shape": (64, 64, 3),
        },
    }
}
CODES = (0.1, 0.1, 0.2, 0.2)  # factors of the codes, so that all have a similar spread


@keras.saving.register_keras_serializable(package="kerasdl")
class SSD(AnchorDetector):
    """A one-stage detector without a pyramid: fine maps find small objects, coarse ones large ones.

    The first map is that before the last two stages of a VGG network; its vectors have length one,
    times a learned number for each channel. The others follow behind the network, each smaller than
    the one before. A convolution of each map gives the logits and codes of its anchors. Most
    anchors are background, so only those that look least like it count in the loss, three for each
    matched anchor.

    Args:
        depths: tuple of int, convolutions of each stage of the backbone.
        widths: tuple of int, their channels.
        units: int, channels of the two convolutions after the backbone; the first is dilated.
        extras: tuple of (inner channels, channels, strides), two convolutions for each further map;
            strides of 1 shrink the map by its border.
        ratios: tuple of tuples of int, for each map the widths of its anchors divided by their
            heights, besides 1; each is also turned.
        scales: tuple of float, size of the anchors of each map as a fraction of the image, and one
            more.
        num_classes: int, number of classes, without the background.
        input_shape: tuple (height, width, channels).

    Output shape: a dictionary of "class" logits (batch, anchors, num_classes + 1), of which the
        first is that of the background, and "box" codes (batch, anchors, 4).

    Reference: Liu et al. (2016), SSD: Single Shot MultiBox Detector.
    """

    overlaps = (0.5, 0.5)
    smooth_beta = 1.0

    def __init__(
        self,
        depths: tuple[int, ...] = (2, 2, 3, 3, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512, 512),
        units: int = 1024,
        extras: tuple[tuple[int, int, int], ...] = (
            (256, 512, 2),
            (128, 256, 2),
            (128, 256, 1),
            (128, 256, 1),
        ),
        ratios: tuple[tuple[int, ...], ...] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
        scales: tuple[float, ...] = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
        num_classes: int = 90,
        input_shape: tuple[int, int, int] = (300, 300, 3),
        **kwargs,
    ):
        checks.integer_tuples(depths=depths)
        checks.integer_tuples(length=len(depths), widths=widths)
        checks.integers(units=units, num_classes=num_classes)
        checks.rows("inner channels, channels, strides", extras=extras)
        for extra in extras:
            checks.integer_tuples(extras=extra)
        expected = f"a tuple of tuples, one for each of {len(extras) + 2} maps"
        listed = isinstance(ratios, (tuple, list)) and len(ratios) == len(extras) + 2
        checks.check("ratios", ratios, listed, expected)
        for some in ratios:
            checks.positive_tuples(ratios=some)
        checks.positive_tuples(length=len(extras) + 3, scales=scales)
        checks.image_shapes(smallest=2 ** (len(depths) - 1), input_shape=input_shape)

        x = inputs = keras.Input(input_shape)  # 300
        maps = []
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):  # 150, 75, 38, 19
            if stage:
                x = layers.MaxPooling2D(2, padding="same")(x)
            for i in range(depth):
                x = _convolution(width, name=f"stage{stage + 1}_convolution{i + 1}")(x)
            if stage == len(depths) - 2:
                # squares overflow in half precision
                maps.append(
                    LayerScale(20.0, name="scale")(layers.UnitNormalization(dtype="float32")(x))
                )
        x = layers.MaxPooling2D(3, strides=1, padding="same")(x)
        x = _convolution(units, dilation_rate=6, name="dilated")(x)
        x = _convolution(units, kernel_size=1, name="mixed")(x)
        maps.append(x)  # 19
        for i, (inner, width, strides) in enumerate(extras):  # 10, 5, 3, 1
            x = _convolution(inner, kernel_size=1, name=f"extra{i + 1}_inner")(x)
            if strides > 1:
                x = layers.ZeroPadding2D(1)(x)
            elif min(x.shape[1:3]) < 3:
                expected = f"larger images, whose map has 3x3 pixels before extra {i + 1}"
                raise errors.InvalidInput("value for argument `input_shape`", expected, input_shape)
            options = {"strides": strides, "padding": "valid", "name": f"extra{i + 1}"}
            x = _convolution(width, **options)(x)
            maps.append(x)
        levels = [
            {"grid": x.shape[1:3], "shapes": _shapes(scales[i], scales[i + 1], ratios[i])}
            for i, x in enumerate(maps)
        ]
        outputs = {
            name: layers.Concatenate(axis=1, name=name)(
                [
                    layers.Reshape((-1, numbers))(
                        layers.Conv2D(
                            len(level["shapes"]) * numbers,
                            3,
                            padding="same",
                            name=f"{name}_of_map{i + 1}",
                        )(x)
                    )
                    for i, (x, level) in enumerate(zip(maps, levels, strict=True))
                ]
            )
            for name, numbers in (("class", num_classes + 1), ("box", 4))
        }
        super().__init__(inputs, outputs, **kwargs)
        self.head = Detections(levels, CODES, background=True, lowest=0.01, overlap=0.45)

    def class_losses(self, labels, logits):
        """Return the cross-entropy of matched anchors and of the hardest of the background."""
        outputs = ops.maximum(labels + 1, 0)  # output 0 is the background
        losses = ops.sparse_categorical_crossentropy(outputs, logits, from_logits=True)
        return mining.hardest(losses, labels >= 0)


def _convolution(filters, kernel_size=3, **options):
    options = {"padding": "same", "kernel_initializer": "he_normal", **options}
    return layers.Conv2D(filters, kernel_size, activation="relu", **options)


def _shapes(scale, larger, ratios):
    """Return (width, height) of the anchors of a cell, as fractions of the image."""
    between = math.sqrt(scale * larger)
    shapes = [(scale, scale), (between, between)]
    for ratio in ratios:
        root = math.sqrt(ratio)
        shapes += [(scale * root, scale / root), (scale / root, scale * root)]
    return shapes
