"""Models that give a class to each pixel."""

from typing import Any

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

# one to three objects before gray lines; a class for each of the five shapes, and the background
SHAPES: dict[str, Any] = {
    "task": "segmentation",
    "data": "shapes",
    "image_size": 64,
    "data_options": {"elements": "mask", "objects": 3, "clutter": 4, "count": 1500},
    "batch_size": 16,
    "learning_rate": 3e-3,
    "warmup": 1.0,
    "weight_decay": 0.05,
}
TRAINING = (
    space.learning_rate(3e-4, 2e-2),
    space.warmup(3.0),
    space.weight_decay(1e-3, 0.3),
    space.batch_size(8, 16, 32),
)


def on_shapes(
    name: str, summary: str, epochs: int, at_least: float, *parameters: space.Parameter, **changes
) -> Recipe:
    """Return the recipe of a network that has its own name, on images of colored shapes."""
    return Recipe(
        name=name,
        summary=f"pixels of colored shapes by {summary}",
        model=name,
        epochs=epochs,
        bars=(Bar("iou", at_least=at_least),),
        space=(*parameters, *TRAINING),
        **{**SHAPES, **changes},
    )


RECIPES = [
    on_shapes(
        "unet_tiny",
        "a small U-Net",
        8,
        0.93,
        space.model_option("widths", (16, 32, 64), (16, 32, 64, 64), (24, 48, 96)),
    ),
]
