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

WORDS: dict[str, Any] = {
    "batch_size": 64,
    "learning_rate": 1e-2,
    "warmup": 0.5,
    "weight_decay": 0.01,
}
SENTENCES = (
    space.model_option("width", 32, 64, 96, 128),
    space.learning_rate(1e-3, 3e-2),
    space.warmup(2.0),
    space.weight_decay(1e-3, 0.3),
    space.dropout(0.5),
    space.batch_size(32, 64, 128),
)
PAIRS = (
    space.learning_rate(3e-4, 2e-2),
    space.warmup(2.0),
    space.weight_decay(1e-3, 0.3),
    space.dropout(0.3),
    space.batch_size(32, 64, 128),
)
DATES: dict[str, Any] = {
    "task": "translation",
    "data": "dates",
    "warmup": 0.5,
    "weight_decay": 0.01,
}
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
        name="llama_tiny",
        summary="the same text by a small Llama: rotary positions, gated MLPs, shared keys",
        model="llama_tiny",
        epochs=1,
        optimizer="muon",
        learning_rate=1e-2,
        warmup=0.3,
        bars=(Bar("nats", at_most=1.40),),
        space=(
            space.model_option("width", 96, 128, 160),
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
        model="seq2seq_tiny",
        epochs=8,
        learning_rate=4e-3,
        bars=(Bar("exact", at_least=0.98),),
        space=(space.model_option("width", 32, 64, 96, 128), *PAIRS),
        **DATES,
    ),
    Recipe(
        name="transformer",
        summary="the same dates by a transformer, which reads them without recurrence",
        model="transformer_tiny",
        epochs=8,
        learning_rate=3e-3,
        bars=(Bar("exact", at_least=0.99),),
        space=(
            space.model_option("width", 32, 64, 96, 128),
            space.model_option("depth", 1, 2, 3),
            *PAIRS,
        ),
        **DATES,
    ),
    Recipe(
        name="bilstm_tagger",
        summary="words tagged by what the next word begins with, by an LSTM in both directions",
        task="sequence_tagging",
        model="bilstm_tagger_tiny",
        data="liaisons",
        model_options={"width": 64},
        epochs=5,
        bars=(Bar("accuracy", at_least=0.99),),
        space=SENTENCES,
        **WORDS,
    ),
    Recipe(
        name="lstm_tagger",
        summary="the same words by an LSTM that reads forward alone and cannot know the next",
        task="sequence_tagging",
        model="bilstm_tagger_tiny",
        data="liaisons",
        model_options={"width": 64, "bidirectional": False},
        epochs=5,
        bars=(Bar("accuracy", at_least=0.4, at_most=0.6),),
        space=SENTENCES,
        **WORDS,
    ),
    Recipe(
        name="bilstm_crf",
        summary="names of persons, places and companies found by a BiLSTM with a CRF",
        task="sequence_tagging",
        model="bilstm_crf_tiny",
        data="entities",
        model_options={"width": 64, "dropout": 0.2},
        epochs=6,
        bars=(Bar("f1", at_least=0.98),),
        space=SENTENCES,
        **WORDS,
    ),
    Recipe(
        name="text_classifier",
        summary="reviews that praise or criticize, by an LSTM that reads the words in order",
        task="text_classification",
        model="text_classifier_tiny",
        data="reviews",
        model_options={"width": 64, "dropout": 0.2},
        epochs=6,
        bars=(Bar("accuracy", at_least=0.97),),
        space=SENTENCES,
        **WORDS,
    ),
]
