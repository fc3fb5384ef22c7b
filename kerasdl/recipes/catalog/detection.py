"""Models that find where objects are."""

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

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
]
