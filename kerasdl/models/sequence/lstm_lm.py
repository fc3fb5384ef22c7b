"""Recurrent language models: stacked LSTMs, plain recurrent layers, or LSTMs with peepholes."""

from collections.abc import Callable
from typing import ClassVar

import keras
from keras import layers

from kerasdl import optimizers
from kerasdl.layers.peephole_lstm import PeepholeLSTM
from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.sequence.generate import generate, stream
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "LSTMLanguageModel": {
        "lstm_lm": {},
        "lstm_lm_tiny": {"width": 64, "depth": 1, "dropout": 0.0},
    },
    "PeepholeLanguageModel": {
        "peephole_lstm": {},
        "peephole_lstm_tiny": {"width": 64, "depth": 1, "dropout": 0.0},
    },
    "SimpleRNNLanguageModel": {
        "simple_rnn_lm": {},
        "simple_rnn_lm_tiny": {"width": 64, "depth": 1, "dropout": 0.0},
    },
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

    _recurrent: ClassVar[tuple[Callable[..., keras.Layer], str]] = layers.LSTM, "lstm"

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
        recurrent, name = self._recurrent
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        x = layers.Embedding(vocabulary_size, width, name="token")(tokens)
        for i in range(depth):
            x = layers.Dropout(dropout, name=f"drop{i + 1}")(x)
            x = recurrent(width, return_sequences=True, name=f"{name}{i + 1}")(x)
        x = layers.Dropout(dropout, name="drop")(x)
        super().__init__(tokens, layers.Dense(vocabulary_size, name="logits")(x), **kwargs)

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3), **cross_entropy()}

    @property
    def context(self) -> int:
        return self._arguments["context"]

    @property
    def cells(self) -> list[keras.Layer]:
        _, name = self._recurrent
        return [self.get_layer(f"{name}{i + 1}").cell for i in range(self._arguments["depth"])]

    generate = generate
    stream = stream
    horizon = None  # a prediction depends on all tokens before it

    def begin(self, tokens: Tensor, length: int | Tensor, size: int | Tensor) -> tuple[list, int]:
        """Return the initial state, which has read no token yet."""
        return [cell.get_initial_state(tokens.shape[0]) for cell in self.cells], 0

    def step(self, tokens: Tensor, state: list, position: int | Tensor) -> tuple[Tensor, list]:
        """Return the logits after `tokens`, one for each text, and the new state."""
        x = self.get_layer("token")(tokens[:, 0])
        after = []
        for cell, before in zip(self.cells, state, strict=True):
            x, states = cell(x, before)
            after.append(states)
        return self.get_layer("logits")(x)[:, None], after


@keras.saving.register_keras_serializable(package="kerasdl")
class SimpleRNNLanguageModel(LSTMLanguageModel):
    """Predict the next token of a text from the state that plain recurrent layers pass on.

        x_t = E[token_t]        h_t = tanh(W x_t + U h_{t-1} + b), stacked        V h_t + c

    Without gates, the influence of a token shrinks or grows by a factor in each step, so the
    network hardly learns to use tokens that are far back.

    Args:
        vocabulary_size: int, number of different tokens.
        context: int, tokens of a training window and of an exported file. The network itself reads
            and generates sequences of any length.
        width: int, size of the vector of a token, and units of each recurrent layer.
        depth: int, number of recurrent layers.
        dropout: float, fraction of the inputs of each recurrent layer and of the last layer that
            training drops, in [0, 1).

    Input shape: (batch, time) of tokens
    Output shape: (batch, time, vocabulary_size) of logits

    Reference: Elman (1990), Finding Structure in Time; Mikolov et al. (2010), Recurrent neural
        network based language model.
    """

    _recurrent = layers.SimpleRNN, "rnn"


@keras.saving.register_keras_serializable(package="kerasdl")
class PeepholeLanguageModel(LSTMLanguageModel):
    """Predict the next token of a text by LSTMs whose gates also see the cell state.

        x_t = E[token_t]        h_t, c_t = PeepholeLSTM(x_t, h_{t-1}, c_{t-1}), stacked
        logits_t = W h_t + b

    The gates also see the cell states; `kerasdl.layers.PeepholeLSTM` has the equations.

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

    Reference: Gers and Schmidhuber (2000), Recurrent Nets that Time and Count.
    """

    _recurrent = PeepholeLSTM, "lstm"
