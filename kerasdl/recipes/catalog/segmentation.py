"""Models that give a class to each pixel."""

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

RECIPES = [
    Recipe(
        name="unet_tiny",
        summary="pixels of colored shapes by a small U-Net",
        task="segmentation",
        model="unet_tiny",
        data="shapes",
        image_size=64,
        # one to three objects before gray lines
        data_options={"elements": "mask", "objects": 3, "clutter": 4, "count": 1500},
        epochs=8,
        batch_size=16,
        learning_rate=3e-3,
        warmup=1.0,
        weight_decay=0.05,
        bars=(Bar("iou", at_least=0.93),),
        space=(
            space.model_option("widths", (16, 32, 64), (16, 32, 64, 64), (24, 48, 96)),
            space.learning_rate(3e-4, 2e-2),
            space.warmup(3.0),
            space.weight_decay(1e-3, 0.3),
            space.batch_size(8, 16, 32),
        ),
    ),
]
