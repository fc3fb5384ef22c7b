"""RetinaNet: anchors on the maps of a feature pyramid, classified with focal loss."""

import keras
from keras import layers

from kerasdl.formulas.anchors import anchor_shapes
from kerasdl.models.detection import detector
from kerasdl.models.detection.anchor_detector import AnchorDetector, prior
from kerasdl.models.detection.detections import Detections
from kerasdl.models.detection.feature_pyramid import resnet_pyramid
from kerasdl.utils import checks

VARIANTS = {
    "RetinaNet": {
        "retinanet": {},
        "retinanet_tiny": {
            "block": "basic",
            "depths": (1, 1, 1),
            "width": 32,
            "strides": (8, 16),
            "scale": 2.0,
            "units": 64,
            "head_depth": 1,
            "frozen_normalization": False,
            "num_classes": 5,
            "input_shape": (64, 64, 3),
        },
    }
}
# width and height of the anchors of a map, relative to the square root of the smallest one's area
SHAPES = anchor_shapes([1.0, 2 ** (1 / 3), 2 ** (2 / 3)], ratios=(0.5, 1.0, 2.0))


@keras.saving.register_keras_serializable(package="kerasdl")
class RetinaNet(AnchorDetector):
    """A one-stage detector: two small networks that look at each place of each map of a pyramid.

    One classifies nine anchors of a place, the other moves and scales them. Both are the same for
    all maps, so that an object is recognized at any size. See `AnchorDetector` for its loss and its
    methods `detect` and `with_detections`.

    Args:
        block, depths, width, stem: The backbone; see `ResNet`.
        strides: tuple of int, strides of the maps.
        scale: float, size of the smallest anchors of a map relative to its stride.
        units: int, channels of the pyramid and of both networks.
        head_depth: int, convolutions of both networks before the last one.
        frozen_normalization: bool, whether the batch normalization of the backbone keeps its
            statistics and weights. With few images in a batch, that is better for a trained
            backbone; one that starts from random weights must learn them.
        box_weight: float, weight of the loss of boxes; that of classes has the weight one.
        num_classes: int, number of classes, without a background.
        input_shape: tuple (height, width, channels).

    Output shape: a dictionary of "class" logits (batch, anchors, num_classes) and "box" codes
        (batch, anchors, 4).

    Reference: Lin et al. (2017), Focal Loss for Dense Object Detection.
    """

    def __init__(
        self,
        block: str = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        width: int = 64,
        stem: str = "imagenet",
        strides: tuple[int, ...] = (8, 16, 32, 64, 128),
        scale: float = 4.0,
        units: int = 256,
        head_depth: int = 4,
        frozen_normalization: bool = True,
        box_weight: float = 1.0,
        num_classes: int = 80,
        input_shape: tuple[int, int, int] = (512, 512, 3),
        **kwargs,
    ):
        checks.numbers(above=0, scale=scale, box_weight=box_weight)
        checks.integers(units=units, num_classes=num_classes)
        checks.integers(at_least=0, head_depth=head_depth)
        checks.flags(frozen_normalization=frozen_normalization)
        checks.image_shapes(smallest=8, input_shape=input_shape)
        resnet = {"block": block, "depths": depths, "width": width, "stem": stem}
        image, maps = resnet_pyramid(
            {**resnet, "input_shape": input_shape}, strides, units, frozen_normalization
        )
        levels = detector.levels(maps, SHAPES * scale, input_shape)
        anchors = len(SHAPES)
        outputs = {
            "class": _subnet(
                "class", maps, units, head_depth, anchors, num_classes, bias_initializer=prior()
            ),
            "box": _subnet("box", maps, units, head_depth, anchors, 4),
        }
        super().__init__(image, outputs, **kwargs)
        self.box_weight = box_weight
        self.head = Detections(levels, name="detections")


def _subnet(name, maps, units, depth, anchors, numbers, **last):
    """Apply the same convolutions to all maps; return (batch, anchors of all maps, numbers)."""
    normal = {"kernel_initializer": "he_normal"}
    convolutions = [
        layers.Conv2D(units, 3, padding="same", activation="relu", name=f"{name}{i + 1}", **normal)
        for i in range(depth)
    ]
    small = keras.initializers.RandomNormal(stddev=0.01)
    options = {"padding": "same", "kernel_initializer": small, **last}
    convolutions.append(layers.Conv2D(anchors * numbers, 3, name=f"{name}_of_anchors", **options))
    found = []
    for x in maps.values():
        for convolution in convolutions:
            x = convolution(x)
        found.append(layers.Reshape((-1, numbers))(x))
    return layers.Concatenate(axis=1, name=name)(found)
