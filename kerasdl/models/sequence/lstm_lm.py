"""A recurrent language model of stacked LSTMs."""

import keras
from keras import layers

from kerasdl import optimizers
from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.sequence.generate import generate
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "LSTMLanguageModel": {
        "lstm_lm": {},
        "lstm_lm_tiny": {"width": 64, "depth": 1, "dropout": 0.0},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class LSTMLanguageModel(Network):
    """Predict from each token of a sequence, and from the state, the logits of the next token.

        x_t = E[token_t]        h_t, c_t = LSTM(x_t, h_{t-1}, c_{t-1}), stacked        W h_t + b

    Args:
        vocabulary_size: int, number of different tokens.
        context: int, tokens of a training window and of an exported file. The network itself reads
            and generates sequences of any length.
        width: int, size of the vector of a token, and units of each LSTM.
        depth: int, number of LSTMs.
        dropout: float, fraction of the inputs of each LSTM and of the last layer that training
            drops, in [0, 1).

    Input shape: (batch, time) of tokens
    Output shape: (batch, time, vocabulary_size) of logits

    Reference: Hochreiter, Schmidhuber (1997), Long Short-Term Memory; Zaremba, Sutskever, Vinyals
        (2014), Recurrent Neural Network Regularization.
    """

    def __init__(
        self,
        vocabulary_size: int = 100,
        context: int = 128,
        width: int = 256,
        depth: int = 2,
        dropout: float = 0.1,
        **kwargs,
    ):
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
        return {"optimizer": optimizers.AdamW(1e-3), **cross_entropy()}

    @property
    def context(self) -> int:
        return self._arguments["context"]

    @property
    def cells(self) -> list[keras.Layer]:
        return [self.get_layer(f"lstm{i + 1}").cell for i in range(self._arguments["depth"])]

    generate = generate
    horizon = None  # a prediction depends on all tokens before it

    def begin(self, tokens: Tensor, length: int | Tensor, size: int | Tensor) -> tuple[list, int]:
        """Return the initial state, which has read no token yet."""
        return [cell.get_initial_state(tokens.shape[0]) for cell in self.cells], 0

    def step(self, tokens: Tensor, state: list, position: int | Tensor) -> tuple[Tensor, list]:
        """Return the logits after `tokens`, one for each text, and the new state."""
        x = self.get_layer("token")(tokens[:, 0])
        after = []
        for cell, before in zip(self.cells, state, strict=True):
            x, hidden_and_cell = cell(x, before)
            after.append(hidden_and_cell)
        return self.get_layer("logits")(x)[:, None], after
