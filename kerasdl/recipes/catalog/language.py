"""Language models."""

from typing import Any

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

TEXT: dict[str, Any] = {"task": "language", "data": "pydocs", "batch_size": 32, "weight_decay": 0.1}
TRAINING = (
    space.learning_rate(3e-4, 2e-2),
    space.warmup(1.0),
    space.weight_decay(1e-3, 0.5),
    space.dropout(0.3),
    space.batch_size(16, 32, 64),
)

RECIPES = [
    Recipe(
        name="gpt_tiny",
        summary="Python's documentation, character by character, by a small GPT-2",
        model="gpt_tiny",
        epochs=3,
        learning_rate=3e-3,
        warmup=0.5,
        bars=(Bar("nats", at_most=1.40),),
        # widths are multiples of its five heads
        space=(
            space.model_option("width", 80, 120, 160, 200),
            space.model_option("depth", 2, 3, 4),
            *TRAINING,
        ),
        **TEXT,
    ),
    Recipe(
        name="lstm_lm",
        summary="Python's documentation, character by character, by an LSTM",
        model="lstm_lm",
        model_options={"width": 192},
        epochs=3,
        learning_rate=4e-3,
        warmup=0.3,
        bars=(Bar("nats", at_most=1.65),),
        space=(
            space.model_option("width", 128, 192, 256),
            space.model_option("depth", 1, 2),
            *TRAINING,
        ),
        **TEXT,
    ),
    Recipe(
        name="translation",
        summary="dates in words translated to digits by an encoder-decoder with attention",
        task="translation",
        model="seq2seq_tiny",
        data="dates",
        epochs=8,
        learning_rate=4e-3,
        warmup=0.5,
        weight_decay=0.01,
        bars=(Bar("exact", at_least=0.98),),
        space=(
            space.model_option("width", 32, 64, 96, 128),
            space.learning_rate(3e-4, 2e-2),
            space.warmup(2.0),
            space.weight_decay(1e-3, 0.3),
            space.dropout(0.3),
            space.batch_size(32, 64, 128),
        ),
    ),
]
