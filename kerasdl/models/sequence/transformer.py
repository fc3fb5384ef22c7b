"""The transformer: an encoder and a decoder of attention alone, from one sequence to another."""

import math

import keras
import numpy as np
from keras import initializers, layers, ops
from numpy.typing import ArrayLike

from kerasdl import optimizers, schedules
from kerasdl.layers.self_attention import angles
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.layers.transformer_decoder_block import TransformerDecoderBlock
from kerasdl.models.network import cross_entropy
from kerasdl.models.sequence.encoder_decoder import TransformerEncoderDecoder, counted
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "Transformer": {
        "transformer": {},
        "transformer_tiny": {
            "vocabulary_size": 40,
            "width": 64,
            "depth": 2,
            "heads": 4,
            "hidden": 256,
            "dropout": 0.0,
        },
    }
}
WARMUP = 4000  # steps of the published schedule


@keras.saving.register_keras_serializable(package="kerasdl")
class Transformer(TransformerEncoderDecoder):
    """Translate a source sequence into a target sequence, one token at a time, without recurrence.

    The encoder's positions attend to the whole source, the decoder's to the target so far and to
    the encoder's outputs. All positions of a training example are computed at once.

        h = sqrt(d) E[source] + P        blocks of attention and feed-forward network
        y = sqrt(d) E[target] + P        blocks of causal attention, attention to h, feed-forward
        logits = y E^T                   P[t, 2i], P[t, 2i+1] = sin, cos(t / 10000^(2i / d))

    The matrix E embeds source and target and also gives the logits. Each part of a block is
    followed by a shortcut and then by layer normalization ("post"). With V tokens, width d, hidden
    width h and L blocks in each half there are V d + L (12 d^2 + 4 d h + 24 d + 2 h) parameters:
    63,082,496 for `transformer`.

    Token 0 pads both sequences; attention ignores it in the source. In the target it stands at the
    end, where no earlier position attends to it.

    Args:
        vocabulary_size: int, number of different tokens, of source and target together.
        width: int, size of the vector of a token; even.
        depth: int, blocks of the encoder and of the decoder.
        heads: int, attention heads of a block, a divisor of `width`.
        hidden: int, width inside the feed-forward networks.
        dropout: float, fraction of embeddings, attention weights and block outputs that training
            drops, in [0, 1).

    Input shape: a list of source tokens (batch, source) and target tokens delayed by one
        (batch, time)
    Output shape: (batch, time, vocabulary_size) of logits

    Reference: Vaswani et al. (2017), Attention Is All You Need.
    """

    def __init__(
        self,
        vocabulary_size: int = 37_000,
        width: int = 512,
        depth: int = 6,
        heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.1,
        **kwargs,
    ):
        checks.integers(vocabulary_size=vocabulary_size, width=width, depth=depth)
        checks.integers(heads=heads, hidden=hidden)
        checks.fractions(dropout=dropout)
        checks.check("width", width, width % 2 == 0, "an even number: sines and cosines")
        checks.check("heads", heads, width % heads == 0, f"a divisor of the width {width}")
        options = (heads, hidden, "relu", "post")
        # the embeddings times sqrt(width) have variance 1
        small = initializers.RandomNormal(stddev=width**-0.5)
        embed = layers.ReversibleEmbedding(
            vocabulary_size, width, embeddings_initializer=small, name="token"
        )
        source = keras.Input((None,), dtype="int32", name="source")
        target = keras.Input((None,), dtype="int32", name="target")

        known = ops.not_equal(source, 0)  # (batch, source)
        h = layers.Dropout(dropout, name="source_drop")(_placed(embed(source), counted(source)))
        for i in range(depth):
            block = TransformerBlock(*options, dropout=dropout, name=f"encoder{i + 1}")
            h = block(h, mask=known)

        y = layers.Dropout(dropout, name="target_drop")(_placed(embed(target), counted(target)))
        for i in range(depth):
            decoder = TransformerDecoderBlock(*options, dropout=dropout, name=f"decoder{i + 1}")
            y = decoder([y, h, known])
        super().__init__([source, target], embed(y, reverse=True), **kwargs)

    def training_defaults(self) -> dict:
        rate = (self._arguments["width"] * WARMUP) ** -0.5
        decay = schedules.InverseSquareRoot(rate, WARMUP)
        adam = optimizers.Adam(schedules.WarmUp(decay, WARMUP), 0.9, 0.98, 1e-9)
        return {"optimizer": adam, **cross_entropy()}

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the encoder's outputs, and which source tokens are no padding."""
        known = ops.not_equal(source, 0)
        h = _placed(self.get_layer("token")(source), counted(source))
        for block in self.blocks("encoder"):
            h = block(h, mask=known)
        return h, known

    def step(
        self, tokens: Tensor, cache: list[tuple], position: int | Tensor
    ) -> tuple[Tensor, list[tuple]]:
        """Return the logits after target tokens, which start at `position`, and the new cache."""
        embed = self.get_layer("token")
        y, after = _placed(embed(tokens), position + ops.arange(tokens.shape[1])), []
        for block, (own, remembered, known) in zip(self.blocks("decoder"), cache, strict=True):
            y, own = block.step([y, remembered, known], own, position)
            after.append((own, remembered, known))
        return embed(y, reverse=True), after

    def attention(self, source: ArrayLike, target: ArrayLike) -> np.ndarray:
        """Return the weight of each source position for each target position.

        It is the mean over the heads of the last block. The shape is (batch, time, source).

        Args:
            source: integer array (batch, source).
            target: integer array (batch, time), delayed by one.
        """
        last = self.blocks("decoder")[-1]
        inputs = keras.Model(self.inputs, last.input)([source, target])
        return ops.convert_to_numpy(ops.mean(last.attention_map(inputs), axis=1))


def _placed(x, positions):
    """Return embeddings times sqrt(width), plus the sines and cosines of their positions."""
    width = x.shape[-1]
    angle = angles(positions, width)  # (time, width / 2)
    waves = ops.stack([ops.sin(angle), ops.cos(angle)], axis=-1)
    return math.sqrt(width) * x + ops.cast(ops.reshape(waves, (-1, width)), x.dtype)
