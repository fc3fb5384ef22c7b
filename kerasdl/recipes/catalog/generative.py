"""Models that reconstruct or generate images."""

from typing import Any

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

# models without labels train on 80 % of the digits
DIGITS: dict[str, Any] = {
    "data": "digits",
    "data_options": {"split": "1437", "validation": 0},
    "batch_size": 32,
}
AUTOENCODER = (
    space.model_option("widths", (128, 128), (256, 256), (512, 256), (512, 512)),
    space.model_option("activation", "relu", "silu"),
    space.learning_rate(3e-4, 2e-2),
    space.warmup(8.0),
    space.weight_decay(1e-4, 0.3),
    space.batch_size(16, 32, 64),
)

RECIPES = [
    Recipe(
        name="autoencoder",
        summary="digits rebuilt from codes of ten numbers",
        task="reconstruction",
        model="autoencoder_tiny",
        epochs=60,
        learning_rate=3e-3,
        warmup=3.0,
        weight_decay=0.05,
        task_options={"loss": "mean_squared_error"},
        bars=(Bar("mse", at_most=0.0120),),
        space=AUTOENCODER,
        **DIGITS,
    ),
    Recipe(
        name="vae",
        summary="digits from codes that can be sampled",
        task="reconstruction",
        model="vae_tiny",
        epochs=150,
        learning_rate=4e-3,
        warmup=7.5,
        weight_decay=0.05,
        bars=(Bar("negative_elbo", at_most=23.9),),
        space=AUTOENCODER,
        **DIGITS,
    ),
    Recipe(
        name="dcgan",
        summary="digits from noise, by a generator against a discriminator",
        task="generation",
        model="dcgan_tiny",
        epochs=80,
        learning_rate=1e-3,
        warmup=4.0,
        task_options={"discriminator_rate": 1e-3},
        bars=(
            Bar("smallest_class", at_least=0.03),
            Bar("largest_class", at_most=0.25),
            Bar("certainty", at_least=0.9),
        ),
        space=(
            space.model_option("width", 32, 64, 96),
            space.learning_rate(1e-4, 5e-3),
            space.learning_rate(1e-4, 5e-3, "task_options.discriminator_rate"),
            space.Parameter("regularization", "model_options.label_smoothing", low=0.0, high=0.2),
            space.dropout(0.4),
            space.batch_size(16, 32, 64),
        ),
        **DIGITS,
    ),
]
