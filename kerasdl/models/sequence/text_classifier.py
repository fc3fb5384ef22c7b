"""A recurrent classifier of texts."""

import keras
from keras import layers, ops

from kerasdl import optimizers
from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.sequence.bilstm_tagger import recurrent_stack
from kerasdl.utils import checks

VARIANTS = {
    "TextClassifier": {
        "text_classifier": {},
        "text_classifier_tiny": {"vocabulary_size": 100, "width": 32, "dropout": 0.0},
    }
}
CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}
POOLINGS = ("max", "mean", "last")


@keras.saving.register_keras_serializable(package="kerasdl")
class MaskedMaximum(layers.Layer):
    """Return the maximum over the steps that a mask keeps, of outputs of recurrent layers.

    Input shape: (batch, time, width) of numbers above -1
    Output shape: (batch, width)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is not None:
            inputs = ops.where(ops.expand_dims(ops.cast(mask, "bool"), -1), inputs, -1.0)
        return ops.max(inputs, axis=1)

    def compute_mask(self, inputs, previous_mask):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])


@keras.saving.register_keras_serializable(package="kerasdl")
class TextClassifier(Network):
    """Classify a text by a recurrent network that reads it, and a pooling over its words.

        x_t = E[token_t]        h_t = [LSTM(x)_t, LSTM(reversed x)_t], stacked
        logits = W pool_t(h_t) + b

    Unlike a bag of words it sees the order: "not good" differs from "good". Token 0 is padding,
    which neither the recurrent layers nor the pooling see.

    Args:
        vocabulary_size: int, number of different tokens.
        num_classes: int, number of classes.
        context: int, tokens of a text in an exported file. The network itself reads texts of any
            length.
        width: int, size of the vector of a token, and units of each layer in both directions
            together; even.
        depth: int, number of recurrent layers.
        cell: str, "lstm" or "gru", the kind of the recurrent layers.
        bidirectional: bool, whether they read in both directions, or forward alone.
        pooling: str, "max" or "mean" of the outputs of all words, or "last", the last one of each
            direction.
        dropout: float, fraction of the inputs of each layer that training drops, in [0, 1).

    Input shape: (batch, time) of tokens
    Output shape: (batch, num_classes) of logits

    Reference: Collobert et al. (2011), Natural Language Processing (Almost) from Scratch; Conneau
    et al. (2017), Supervised Learning of Universal Sentence Representations.
    """

    def __init__(
        self,
        vocabulary_size: int = 8000,
        num_classes: int = 2,
        context: int = 64,
        width: int = 128,
        depth: int = 1,
        cell: str = "lstm",
        bidirectional: bool = True,
        pooling: str = "max",
        dropout: float = 0.3,
        **kwargs,
    ):
        checks.integers(vocabulary_size=vocabulary_size, num_classes=num_classes)
        checks.integers(context=context, width=width, depth=depth)
        checks.check("width", width, width % 2 == 0, "an even number: half for each direction")
        checks.choices(list(CELLS), cell=cell)
        checks.flags(bidirectional=bidirectional)
        checks.choices(POOLINGS, pooling=pooling)
        checks.fractions(dropout=dropout)
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        x = layers.Embedding(vocabulary_size, width, mask_zero=True, name="token")(tokens)
        sequences = pooling != "last"
        x = recurrent_stack(x, CELLS[cell], width, depth, bidirectional, dropout, sequences)
        if pooling == "mean":
            x = layers.GlobalAveragePooling1D(name="pool")(x)  # of the steps that the mask keeps
        if pooling == "max":
            x = MaskedMaximum(name="pool")(x)
        x = layers.Dropout(dropout, name="drop")(x)
        super().__init__(tokens, layers.Dense(num_classes, name="logits")(x), **kwargs)

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3), **cross_entropy()}

    @property
    def context(self) -> int:
        return self._arguments["context"]
