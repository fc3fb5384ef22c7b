"""Models that find where objects are."""

from typing import Any

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

# one to three objects before gray lines
SEVERAL: dict[str, Any] = {
    "task": "detection",
    "data": "shapes",
    "image_size": 64,
    "data_options": {"elements": "class,boxes", "objects": 3, "clutter": 4, "count": 3000},
    "batch_size": 16,
    "warmup": 1.0,
    "weight_decay": 0.05,
}
# the first two touch and have one class
TOUCHING = {
    **SEVERAL["data_options"],
    "elements": "class,boxes,instances",
    "touching": True,
    "count": 2500,
}
ONE_STAGE = (Bar("ap50", at_least=0.95), Bar("ap", at_least=0.7))
TRAINING = (
    space.learning_rate(3e-4, 2e-2),
    space.warmup(3.0),
    space.weight_decay(1e-3, 0.3),
    space.batch_size(8, 16, 32),
)

RECIPES = [
    Recipe(
        name="localizer",
        summary="class and box of a colored shape, by a network with two heads",
        task="localization",
        model="localizer",
        data="shapes",
        image_size=32,
        data_options={"elements": "class,boxes"},
        epochs=25,
        learning_rate=3e-3,
        weight_decay=0.05,
        model_options={"widths": (16, 32, 64)},
        bars=(Bar("localized", at_least=0.9), Bar("iou", at_least=0.7)),
        space=(
            space.model_option("widths", (16, 32, 64), (32, 64, 128)),
            space.model_option("units", 64, 128, 256),
            space.learning_rate(3e-4, 2e-2),
            space.warmup(3.0),
            space.weight_decay(1e-3, 0.3),
            space.batch_size(32, 64, 128),
        ),
    ),
    Recipe(
        name="retinanet_tiny",
        summary="class and box of each of several shapes, by a small RetinaNet",
        model="retinanet_tiny",
        epochs=6,
        learning_rate=3e-3,
        # anchors from 12 pixels, a size of small shapes, to the whole image
        model_options={"strides": (8, 16, 32), "scale": 1.5, "box_weight": 2.0},
        bars=ONE_STAGE,
        space=(
            space.model_option("width", 16, 32, 48),
            space.model_option("units", 32, 64, 96),
            space.model_option("head_depth", 1, 2),
            space.model_option("box_weight", 1.0, 2.0, 4.0),
            *TRAINING,
        ),
        **SEVERAL,
    ),
    Recipe(
        name="grid_detector_tiny",
        summary="class and box of each of several shapes, by the cells of a grid",
        model="grid_detector_tiny",
        epochs=5,
        learning_rate=3e-3,
        model_options={"widths": (8, 24, 48, 96)},
        bars=ONE_STAGE,
        space=(
            space.model_option("widths", (8, 24, 48, 96), (16, 32, 64, 96)),
            space.model_option("depth", 1, 2),
            *TRAINING,
        ),
        **SEVERAL,
    ),
    Recipe(
        name="mask_rcnn_tiny",
        summary="pixels of each of several touching shapes, by a small Mask R-CNN",
        model="mask_rcnn_tiny",
        epochs=5,
        learning_rate=3e-3,
        bars=(Bar("mask_ap50", at_least=0.9),),
        space=(
            space.model_option("mask_units", 16, 24, 32, 64),
            space.model_option("mask_depth", 1, 2, 4),
            space.model_option("head_units", 64, 128, 256),
            space.model_option("proposals", 16, 24, 48),
            *TRAINING,
        ),
        **{**SEVERAL, "task": "instance_segmentation", "data_options": TOUCHING},
    ),
]
