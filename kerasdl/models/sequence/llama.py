"""Llama: a decoder-only transformer with rotary positions, RMS normalization and gated MLPs."""

import keras
from keras import layers

from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.models.sequence.causal_language_model import CausalLanguageModel
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "Llama": {
        "llama": {},
        "llama_tiny": {
            "vocabulary_size": 100,
            "context": 128,
            "width": 160,
            "depth": 3,
            "heads": 4,
            "key_value_heads": 2,
            "hidden": 432,
            "tied": True,
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class Llama(CausalLanguageModel):
    """A modern decoder-only transformer, from tokens to the logits of the token after each.

        x = E[tokens]
        x = x + attention(norm(x))        queries and keys rotated by their positions
        x = x + W2 (silu(W3 norm(x)) * W1 norm(x))
        logits = W norm(x)                W = E^T if `tied`

    Compared with GPT-2 it has no table of positions, no biases and no offsets in the
    normalization, which divides by the root mean square; keys and values have fewer heads than
    queries, so that the cache of a generated text is smaller.

    With V tokens, width d, hidden width h, L blocks and the fraction k of the heads that keys and
    values have, it has 2 V d + L ((2 + 2 k) d^2 + 3 d h + 2 d) + d parameters, V d less if `tied`:
    1,100,048,384 for `llama`, which has the sizes of TinyLlama.

    Args:
        vocabulary_size: int, number of different tokens.
        context: int, largest number of tokens in a sequence.
        width: int, size of the vector of a token.
        depth: int, number of blocks.
        heads: int, attention heads of a block, a divisor of `width`; the size of a head is even.
        key_value_heads: int, heads of keys and values, a divisor of `heads`; `None` for `heads`.
        hidden: int, width inside the feed-forward network.
        dropout: float, fraction of attention weights and block outputs that training drops, in
            [0, 1).
        rotary_base: float, base of the rotary positions.
        qk_norm: bool, whether queries and keys are normalized, as in later models of this kind.
        tied: bool, whether the matrix that embeds tokens also gives the logits.

    Input shape: (batch, time) of tokens
    Output shape: (batch, time, vocabulary_size) of logits

    Reference: Touvron et al. (2023), LLaMA: Open and Efficient Foundation Language Models; Zhang et
    al. (2024), TinyLlama: An Open-Source Small Language Model.
    """

    def __init__(
        self,
        vocabulary_size: int = 32_000,
        context: int = 2048,
        width: int = 2048,
        depth: int = 22,
        heads: int = 32,
        key_value_heads: int | None = 4,
        hidden: int = 5632,
        dropout: float = 0.0,
        rotary_base: float = 10_000.0,
        qk_norm: bool = False,
        tied: bool = False,
        **kwargs,
    ):
        checks.integers(vocabulary_size=vocabulary_size, context=context)
        checks.integers(width=width, depth=depth, heads=heads, hidden=hidden)
        checks.check("heads", heads, width % heads == 0, f"a divisor of the width {width}")
        checks.flags(tied=tied)
        embed = layers.ReversibleEmbedding(vocabulary_size, width, tie_weights=tied, name="token")
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        x = embed(tokens)
        for i in range(depth):
            x = TransformerBlock(
                heads,
                hidden,
                "silu",
                "pre",
                causal=True,
                dropout=dropout,
                rms_norm=True,
                gated=True,
                use_bias=False,
                key_value_heads=key_value_heads,
                rotary_base=rotary_base,
                qk_norm=qk_norm,
                name=f"block{i + 1}",
            )(x)
        x = layers.RMSNormalization(epsilon=1e-5, name="norm")(x)
        super().__init__(tokens, embed(x, reverse=True), **kwargs)

    def embed(self, tokens: Tensor, position: int | Tensor = 0) -> Tensor:
        """Return the vectors of tokens; attention adds their positions."""
        return self.get_layer("token")(tokens)
