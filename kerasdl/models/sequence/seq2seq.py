"""A recurrent encoder-decoder with attention, from one sequence to another."""

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike

from kerasdl import optimizers
from kerasdl.models.network import cross_entropy
from kerasdl.models.sequence.encoder_decoder import EncoderDecoder
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "Seq2Seq": {
        "seq2seq": {"vocabulary_size": 100, "width": 256},
        "seq2seq_tiny": {"vocabulary_size": 40, "width": 64, "dropout": 0.0},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class Seq2Seq(EncoderDecoder):
    """Translate a source sequence into a target sequence, one token at a time.

    The encoder reads the source in both directions. The decoder reads the target so far and, for
    each next token, attends to the encoder's outputs, so that one state need not hold the whole
    source.

        h_s = [GRU(x)_s, GRU(reversed x)_s]        d_t = GRU(y_(t-1), d_(t-1))
        a_ts = softmax_s(d_t . W h_s)              c_t = sum_s a_ts W h_s
        logits_t = V tanh(U [d_t, c_t])

    Token 0 pads both sequences; attention ignores it in the source.

    Args:
        vocabulary_size: int, number of different tokens, of source and target together.
        width: int, size of embeddings and of the decoder's state; even.
        dropout: float, fraction of the embeddings and of the decoder's outputs to drop, in [0, 1).

    Input shape: a list of source tokens (batch, source) and target tokens delayed by one
        (batch, time)
    Output shape: (batch, time, vocabulary_size) of logits

    Reference: Sutskever, Vinyals, Le (2014), Sequence to Sequence Learning with Neural Networks.
    Luong, Pham, Manning (2015), Effective Approaches to Attention-based Neural Machine Translation.
    """

    def __init__(
        self, vocabulary_size: int = 100, width: int = 256, dropout: float = 0.1, **kwargs
    ):
        checks.integers(vocabulary_size=vocabulary_size, width=width)
        checks.check("width", width, width % 2 == 0, "an even number: half for each direction")
        checks.fractions(dropout=dropout)
        source = keras.Input((None,), dtype="int32", name="source")
        target = keras.Input((None,), dtype="int32", name="target")

        x = layers.Embedding(vocabulary_size, width, mask_zero=True, name="source_token")(source)
        x = layers.Dropout(dropout)(x)
        encoder = layers.GRU(width // 2, return_sequences=True, return_state=True)
        h, forward, backward = layers.Bidirectional(encoder, name="encoder")(x)  # (batch, s, width)
        state = layers.Concatenate(name="state")([forward, backward])  # (batch, width)

        y = layers.Embedding(vocabulary_size, width, name="target_token")(target)
        y = layers.Dropout(dropout)(y)
        decoder = layers.GRU(width, return_sequences=True, name="decoder")
        d = decoder(y, initial_state=state)  # (batch, t, width)

        h = layers.Dense(width, use_bias=False, name="keys")(h)
        c = layers.Attention(name="attention")([d, h])  # (batch, t, width)
        d = layers.Dense(width, activation="tanh", name="combine")(layers.Concatenate()([d, c]))
        d = layers.Dropout(dropout)(d)
        logits = layers.Dense(vocabulary_size, name="logits")(d)
        super().__init__([source, target], logits, **kwargs)

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3), **cross_entropy()}

    def begin(self, source: Tensor, length: int) -> tuple:
        """Return the decoder's state, the keys of the source, and which of its tokens are known."""
        x = self.get_layer("source_token")(source)
        h, forward, backward = self.get_layer("encoder")(x)
        state = self.get_layer("state")([forward, backward])
        return state, self.get_layer("keys")(h), ops.not_equal(source, 0)

    def step(self, tokens: Tensor, cache: tuple, position: int | Tensor) -> tuple[Tensor, tuple]:
        """Return the logits after one token of each target, and the new cache."""
        state, h, known = cache
        d, state = self.get_layer("decoder").cell(
            self.get_layer("target_token")(tokens[:, 0]), state
        )
        scores = ops.where(known, ops.einsum("bd,bsd->bs", d, h), -1e9)
        c = ops.einsum("bs,bsd->bd", ops.softmax(scores), h)
        d = self.get_layer("combine")(ops.concatenate([d, c], axis=-1))
        state = state[0] if isinstance(state, (list, tuple)) else state
        return self.get_layer("logits")(d)[:, None], (state, h, known)

    def attention(self, source: ArrayLike, target: ArrayLike) -> np.ndarray:
        """Return the weight of each source position for each target position.

        The shape is (batch, time, source).

        Args:
            source: integer array (batch, source).
            target: integer array (batch, time), delayed by one.
        """
        parts = ["decoder", "keys"]
        outputs = [self.get_layer(name).output for name in parts]
        d, h = keras.Model(self.inputs, outputs)([source, target])
        scores = d @ ops.swapaxes(h, 1, 2)  # (batch, time, source)
        known = ops.expand_dims(ops.not_equal(source, 0), 1)
        return ops.convert_to_numpy(ops.softmax(ops.where(known, scores, -1e9)))
