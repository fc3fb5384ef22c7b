"""T5: an encoder-decoder whose attention sees the distance between tokens, not their positions."""

import math
from typing import Any

import keras
import numpy as np
from keras import initializers, layers, ops
from numpy.typing import ArrayLike

from kerasdl import optimizers
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.layers.transformer_decoder_block import TransformerDecoderBlock
from kerasdl.models.network import cross_entropy
from kerasdl.models.sequence.encoder_decoder import TransformerEncoderDecoder, counted
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "T5": {
        "t5": {},
        "t5_tiny": {
            "vocabulary_size": 40,
            "width": 64,
            "depth": 2,
            "heads": 4,
            "hidden": 256,
            "dropout": 0.0,
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class T5(TransformerEncoderDecoder):
    """Turn a text into a text: every task is a source, such as "reverse: abc", and its target.

    The encoder's positions attend to the whole source, the decoder's to the target so far and to
    the encoder's outputs. Attention adds to each score a number that depends on the distance from
    key to query, in place of positions that are added to the embeddings.

        h = E[source]       x = x + attention(norm(x))        x = x + W2 relu(W1 norm(x))
        y = E[target]       the same, with attention to norm(h) between the two
        scores = q . k / sqrt(size) + table[bucket of the distance]
        logits = norm(y) E^T / sqrt(d)

    Near distances have a bucket each, far ones share buckets whose sizes grow exponentially. All
    blocks of a half share its table. Normalization divides by the root mean square, and no layer
    has a bias. The published networks do not divide scores by sqrt(size), the root of the width of
    a head; their matrices of queries are those of this network divided by it.

    With V tokens, width d, hidden width h, L blocks in each half, n heads and B buckets there are
    V d + L (12 d^2 + 4 d h + 5 d) + 2 d + 2 B n parameters: 60,506,624 for `t5`.

    Token 0 pads both sequences; attention ignores it in the source. In the target it stands at the
    end, where no earlier position attends to it.

    Args:
        vocabulary_size: int, number of different tokens, of source and target together.
        width: int, size of the vector of a token.
        depth: int, blocks of the encoder and of the decoder.
        heads: int, attention heads of a block, a divisor of `width`.
        hidden: int, width inside the feed-forward networks.
        dropout: float, fraction of embeddings, attention weights and block outputs that training
            drops, in [0, 1).
        buckets: int, buckets of distances, a multiple of 4.
        farthest: int, distance from which all share a bucket, more than `buckets`.

    Input shape: a list of source tokens (batch, source) and target tokens delayed by one
        (batch, time)
    Output shape: (batch, time, vocabulary_size) of logits

    Reference: Raffel et al. (2020), Exploring the Limits of Transfer Learning with a Unified
    Text-to-Text Transformer.
    """

    def __init__(
        self,
        vocabulary_size: int = 32_128,
        width: int = 512,
        depth: int = 6,
        heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.1,
        buckets: int = 32,
        farthest: int = 128,
        **kwargs,
    ):
        checks.integers(vocabulary_size=vocabulary_size, width=width, depth=depth)
        checks.integers(heads=heads, hidden=hidden, buckets=buckets, farthest=farthest)
        checks.fractions(dropout=dropout)
        checks.check("heads", heads, width % heads == 0, f"a divisor of the width {width}")
        checks.check("buckets", buckets, buckets % 4 == 0, "a multiple of 4")
        holds = farthest > buckets
        checks.check("farthest", farthest, holds, f"more than the {buckets} buckets")
        kind: dict[str, Any] = {"dropout": dropout, "epsilon": 1e-6}
        kind |= {"rms_norm": True, "use_bias": False}
        options = (heads, hidden, "relu", "pre")
        embed = layers.ReversibleEmbedding(
            vocabulary_size, width, embeddings_initializer=initializers.RandomNormal(stddev=1.0),
            name="token",
        )  # fmt: skip
        source = keras.Input((None,), dtype="int32", name="source")
        target = keras.Input((None,), dtype="int32", name="target")

        known = ops.not_equal(source, 0)  # (batch, source)
        at = counted(source)
        bias = DistanceBias(heads, buckets, farthest, False, name="encoder_bias")([at, at])
        h = layers.Dropout(dropout, name="source_drop")(embed(source))
        for i in range(depth):
            block = TransformerBlock(*options, **kind, name=f"encoder{i + 1}")
            h = block(h, mask=known, bias=bias)
        norm = layers.RMSNormalization(epsilon=1e-6, name="encoder_norm")
        norm.supports_masking = True  # it keeps the mask that the blocks pass on
        h = norm(h)
        h = layers.Dropout(dropout, name="encoder_drop")(h)

        at = counted(target)
        bias = DistanceBias(heads, buckets, farthest, True, name="decoder_bias")([at, at])
        y = layers.Dropout(dropout, name="target_drop")(embed(target))
        for i in range(depth):
            decoder = TransformerDecoderBlock(*options, **kind, name=f"decoder{i + 1}")
            y = decoder([y, h, known], bias=bias)
        y = layers.RMSNormalization(epsilon=1e-6, name="decoder_norm")(y)
        y = layers.Dropout(dropout, name="decoder_drop")(y)
        super().__init__([source, target], embed(y / math.sqrt(width), reverse=True), **kwargs)

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3), **cross_entropy()}

    def encoder(self) -> keras.Model:
        """Return the encoder with the weights of this network, as a network of its own.

        Its input is a source (batch, source), its output a vector of each token, (batch, source,
        width). What is trained upon it changes this network too.
        """
        return keras.Model(self.inputs[0], self.get_layer("encoder_drop").output, name="encoder")

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the encoder's outputs, and which source tokens are no padding."""
        known, at = ops.not_equal(source, 0), ops.arange(source.shape[1])
        h, bias = self.get_layer("token")(source), self.get_layer("encoder_bias")([at, at])
        for block in self.blocks("encoder"):
            h = block(h, mask=known, bias=bias)
        return self.get_layer("encoder_norm")(h), known

    def step(
        self, tokens: Tensor, cache: list[tuple], position: int | Tensor
    ) -> tuple[Tensor, list[tuple]]:
        """Return the logits after target tokens, which start at `position`, and the new cache."""
        embed, after = self.get_layer("token"), []
        now, room = position + ops.arange(tokens.shape[1]), cache[0][0][0].shape[2]
        bias = self.get_layer("decoder_bias")([now, ops.arange(room)])
        y = embed(tokens)
        for block, (own, remembered, known) in zip(self.blocks("decoder"), cache, strict=True):
            y, own = block.step([y, remembered, known], own, position, bias)
            after.append((own, remembered, known))
        y = self.get_layer("decoder_norm")(y)
        return embed(y / math.sqrt(self._arguments["width"]), reverse=True), after

    def attention(self, source: ArrayLike, target: ArrayLike) -> np.ndarray:
        """Return the weight of each source position for each target position.

        It is the mean over the heads of the last block. The shape is (batch, time, source).

        Args:
            source: integer array (batch, source).
            target: integer array (batch, time), delayed by one.
        """
        last = self.blocks("decoder")[-1]
        *inputs, bias = keras.Model(self.inputs, last.input)([source, target])
        return ops.convert_to_numpy(ops.mean(last.attention_map(inputs, bias=bias), axis=1))


@keras.saving.register_keras_serializable(package="kerasdl")
class DistanceBias(layers.Layer):
    """A learned number for each head and each bucket of the distance from key to query.

    Args:
        heads: int, number of heads.
        buckets: int, number of buckets.
        farthest: int, distance from which all share a bucket.
        causal: bool, whether only keys before the query matter; else half of the buckets is for
            keys after it.

    Inputs: positions of queries (time,) and of keys (source,)
    Output shape: (heads, time, source)
    """

    def __init__(self, heads: int, buckets: int, farthest: int, causal: bool, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.buckets = buckets
        self.farthest = farthest
        self.causal = causal

    def build(self, input_shape):
        small = initializers.RandomNormal(stddev=0.1)
        self.table = self.add_weight((self.buckets, self.heads), small, name="table")
        directions = 1 if self.causal else 2
        self.of_distance = bucket_of_distance(self.buckets // directions, self.farthest)

    def call(self, inputs):
        queries, keys = inputs
        before = ops.expand_dims(queries, 1) - keys  # (time, source), positive for earlier keys
        distance = ops.maximum(before, 0) if self.causal else ops.abs(before)
        index = ops.take(self.of_distance, ops.minimum(distance, self.farthest))
        if not self.causal:
            index = index + ops.where(before < 0, self.buckets // 2, 0)
        # along axis 1, whose gradient is an array; along axis 0 it would be sparse
        return ops.take(ops.transpose(self.table), index, axis=1)

    def compute_output_shape(self, input_shape):
        (time,), (source,) = input_shape
        return self.heads, time, source

    def get_config(self) -> dict:
        names = ("heads", "buckets", "farthest", "causal")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def bucket_of_distance(buckets: int, farthest: int) -> np.ndarray:
    """Return the bucket of each distance from 0 to `farthest`.

    Half of the buckets is for one distance each. The others divide the distances from there to
    `farthest` evenly in their logarithm; the last is for all that are farther, too.

    >>> bucket_of_distance(4, 8).tolist()
    [0, 1, 2, 2, 3, 3, 3, 3, 3]
    """
    near = buckets // 2
    distance = np.arange(farthest + 1)
    far = np.log(np.maximum(distance, near) / near) / np.log(farthest / near)
    far = near + np.floor(far * (buckets - near) + 1e-9).astype("int32")
    return np.where(distance < near, distance, np.minimum(far, buckets - 1)).astype("int32")
