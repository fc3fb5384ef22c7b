"""Recurrent taggers: a tag for each word of a sentence, by a BiLSTM and perhaps a CRF."""

from collections.abc import Callable

import keras
from keras import layers

from kerasdl import optimizers
from kerasdl.layers.crf import CRF
from kerasdl.losses import TaggingLoss
from kerasdl.models.network import Network
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "BiLSTMTagger": {
        "bilstm_tagger": {},
        "bilstm_tagger_tiny": {"vocabulary_size": 100, "width": 32, "dropout": 0.0},
    },
    "BiLSTMCRF": {
        "bilstm_crf": {},
        "bilstm_crf_tiny": {"vocabulary_size": 100, "width": 32, "dropout": 0.0},
    },
}


def recurrent_stack(
    x: Tensor,
    layer: Callable[..., keras.Layer],
    width: int,
    depth: int,
    bidirectional: bool,
    dropout: float,
    sequences: bool = True,
) -> Tensor:
    """Return the outputs of stacked recurrent layers, (batch, time, width).

    Args:
        x: (batch, time, features).
        layer: class of the recurrent layers, such as `keras.layers.LSTM`.
        width: int, size of the outputs; each of two directions gives half of it.
        depth: int, number of layers.
        bidirectional: bool, whether each layer reads in both directions.
        dropout: float, fraction of the inputs of each layer to drop.
        sequences: bool, whether the last layer returns all its outputs, and not only the last one.

    Example:
        >>> recurrent_stack(keras.Input((5, 3)), layers.GRU, 8, 2, True, 0.1).shape
        (None, 5, 8)
    """
    for i in range(depth):
        x = layers.Dropout(dropout, name=f"drop{i + 1}")(x)
        options = {"return_sequences": sequences or i + 1 < depth}
        if bidirectional:
            x = layers.Bidirectional(layer(width // 2, **options), name=f"recurrent{i + 1}")(x)
        else:
            x = layer(width, name=f"recurrent{i + 1}", **options)(x)
    return x


@keras.saving.register_keras_serializable(package="kerasdl")
class BiLSTMTagger(Network):
    """Give each word of a sentence a tag, from the words before it and after it.

        x_t = E[token_t]        h_t = [LSTM(x)_t, LSTM(reversed x)_t], stacked        W h_t + b

    A tag often depends on what follows: an LSTM that reads forward alone has not seen it yet.
    Token 0 is padding, which the LSTMs skip.

    Args:
        vocabulary_size: int, number of different tokens.
        num_classes: int, number of different tags.
        context: int, tokens of a sentence in an exported file. The network itself reads sentences
            of any length.
        width: int, size of the vector of a token, and units of each layer in both directions
            together; even.
        depth: int, number of layers.
        bidirectional: bool, whether LSTMs read in both directions, or forward alone.
        dropout: float, fraction of the inputs of each layer that training drops, in [0, 1).

    Input shape: (batch, time) of tokens
    Output shape: (batch, time, num_classes) of logits

    Reference: Graves and Schmidhuber (2005), Framewise Phoneme Classification with Bidirectional
    LSTM and Other Neural Network Architectures.
    """

    def __init__(
        self,
        vocabulary_size: int = 8000,
        num_classes: int = 10,
        context: int = 64,
        width: int = 128,
        depth: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.3,
        **kwargs,
    ):
        checks.integers(vocabulary_size=vocabulary_size, num_classes=num_classes)
        checks.integers(context=context, width=width, depth=depth)
        checks.check("width", width, width % 2 == 0, "an even number: half for each direction")
        checks.flags(bidirectional=bidirectional)
        checks.fractions(dropout=dropout)
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        x = layers.Embedding(vocabulary_size, width, mask_zero=True, name="token")(tokens)
        x = recurrent_stack(x, layers.LSTM, width, depth, bidirectional, dropout)
        x = layers.Dropout(dropout, name="drop")(x)
        x = layers.Dense(num_classes, name="logits")(x)
        super().__init__(tokens, self._outputs(x), **kwargs)

    def _outputs(self, logits):
        return logits

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3), "loss": TaggingLoss()}

    @property
    def context(self) -> int:
        return self._arguments["context"]

    @staticmethod
    def decode(outputs: Tensor) -> Tensor:
        """Return the most probable tags, integers (batch, time).

        Args:
            outputs: the network's outputs.
        """
        return keras.ops.cast(keras.ops.argmax(outputs, axis=-1), "int32")


@keras.saving.register_keras_serializable(package="kerasdl")
class BiLSTMCRF(BiLSTMTagger):
    """Give each word of a sentence a tag, so that the sequence of tags is the most probable one.

        x_t = E[token_t]        h_t = [LSTM(x)_t, LSTM(reversed x)_t], stacked
        score(y) = sum_t (W h_t + b)[y_t] + transitions[y_{t-1}, y_t]

    A `BiLSTMTagger` with a conditional random field (`kerasdl.layers.CRF`), which learns which tags
    follow each other. `decode` finds the best sequence in its output.

    Args:
        vocabulary_size: int, number of different tokens.
        num_classes: int, number of different tags.
        context: int, tokens of a sentence in an exported file. The network itself reads sentences
            of any length.
        width: int, size of the vector of a token, and units of each layer in both directions
            together; even.
        depth: int, number of layers.
        bidirectional: bool, whether LSTMs read in both directions, or forward alone.
        dropout: float, fraction of the inputs of each layer that training drops, in [0, 1).

    Input shape: (batch, time) of tokens
    Output shape: (batch, time, num_classes, num_classes), the score of each tag after each other

    Example:
        >>> model = BiLSTMCRF(vocabulary_size=20, num_classes=3, width=8)
        >>> tokens = keras.ops.array([[4, 7, 2, 0]])
        >>> BiLSTMCRF.decode(model(tokens)).shape
        TensorShape([1, 4])

    Reference: Huang, Xu, Yu (2015), Bidirectional LSTM-CRF Models for Sequence Tagging.
    """

    def _outputs(self, logits):
        return CRF(name="crf")(logits)

    @staticmethod
    def decode(outputs: Tensor) -> Tensor:
        return CRF.decode(outputs)
