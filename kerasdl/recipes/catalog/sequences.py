"""Series of numbers: sums that a network must remember for, and forecasts."""

from typing import Any

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

SPACE = (
    space.model_option("width", 32, 64, 96, 128),
    space.learning_rate(5e-4, 2e-2),
    space.warmup(2.0),
    space.dropout(0.3),
    space.batch_size(32, 64, 128),
)
# two of 50 numbers are marked, and the network gives their sum
ADDING: dict[str, Any] = {
    "task": "regression",
    "data": "adding",
    "batch_size": 64,
    "learning_rate": 5e-3,
    "warmup": 0.5,
    "space": SPACE,
}
RECIPES = [
    Recipe(
        name="adding_lstm",
        summary="the sum of two marked numbers out of 50, by an LSTM",
        model="series_lstm",
        epochs=8,
        bars=(Bar("mse", at_most=0.002),),
        **ADDING,
    ),
    Recipe(
        name="adding_gru",
        summary="the sum of two marked numbers out of 50, by a GRU",
        model="series_gru",
        epochs=8,
        bars=(Bar("mse", at_most=0.0005),),
        **ADDING,
    ),
    Recipe(
        name="forecaster",
        summary="the next day of an hourly series by an LSTM, beside naive forecasts",
        task="forecasting",
        model="forecaster_tiny",
        data="seasons",
        model_options={"width": 64, "patch": 6},
        epochs=8,
        batch_size=64,
        learning_rate=5e-3,
        weight_decay=0.01,
        bars=(Bar("relative", at_most=0.8),),
        space=(
            space.model_option("patch", 1, 4, 6, 12, 24),
            space.weight_decay(1e-4, 0.1),
            *SPACE,
        ),
    ),
]
