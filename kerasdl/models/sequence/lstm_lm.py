"""A recurrent language model: stacked LSTMs that carry what they have read in their state."""

import keras
from keras import layers

from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.sequence.generate import generate
from kerasdl.utils import checks

VARIANTS = {
    "LSTMLanguageModel": {
        "lstm_lm": {},
        "lstm_lm_tiny": {"width": 64, "depth": 1, "dropout": 0.0},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class LSTMLanguageModel(Network):
    """From tokens to the logits of the token that follows each, one step at a time.

        x_t = E[token_t]        h_t, c_t = LSTM(x_t, h_{t-1}, c_{t-1}), stacked        W h_t + b

    Args:
        vocabulary_size: Number of different tokens.
        context: Tokens of a training window and of an exported file. The state has no limit: it
            reads and writes sequences of any length.
        width: Numbers that stand for a token, and units of each LSTM.
        depth: Number of LSTMs.
        dropout: Fraction that training drops of what enters each LSTM and the logits.

    Input shape: (batch, time) of tokens
    Output shape: (batch, time, vocabulary_size) of logits

    Spec: RNN-13, RNN-21, RNN-22
    Reference: Hochreiter, Schmidhuber (1997), Long Short-Term Memory; Zaremba, Sutskever, Vinyals
        (2014), Recurrent Neural Network Regularization.
    """

    def __init__(self, vocabulary_size=100, context=128, width=256, depth=2, dropout=0.1, **kwargs):
        checks.integers(vocabulary_size=vocabulary_size, context=context, width=width, depth=depth)
        checks.fractions(dropout=dropout)
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        x = layers.Embedding(vocabulary_size, width, name="token")(tokens)
        for i in range(depth):
            x = layers.Dropout(dropout, name=f"drop{i + 1}")(x)
            x = layers.LSTM(width, return_sequences=True, name=f"lstm{i + 1}")(x)
        x = layers.Dropout(dropout, name="drop")(x)
        super().__init__(tokens, layers.Dense(vocabulary_size, name="logits")(x), **kwargs)

    def training_defaults(self) -> dict:
        return {"optimizer": keras.optimizers.AdamW(1e-3), **cross_entropy()}

    @property
    def context(self):
        return self._arguments["context"]

    @property
    def cells(self):
        return [self.get_layer(f"lstm{i + 1}").cell for i in range(self._arguments["depth"])]

    generate = generate
    horizon = None  # a prediction depends on everything before it

    def begin(self, tokens, length, size):
        """The empty state, which has read no token yet."""
        return [cell.get_initial_state(tokens.shape[0]) for cell in self.cells], 0

    def step(self, tokens, state, position):
        """Logits after `tokens`, one for each text, and the state that has read them."""
        x = self.get_layer("token")(tokens[:, 0])
        after = []
        for cell, before in zip(self.cells, state, strict=True):
            x, hidden_and_cell = cell(x, before)
            after.append(hidden_and_cell)
        return self.get_layer("logits")(x)[:, None], after
