"""GPT-2: a stack of causal transformer blocks."""

import keras
from keras import layers, ops

from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.models.sequence.causal_language_model import CausalLanguageModel
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "GPT": {
        "gpt2": {},
        "gpt2_medium": {"width": 1024, "depth": 24, "heads": 16},
        "gpt2_large": {"width": 1280, "depth": 36, "heads": 20},
        "gpt2_xl": {"width": 1600, "depth": 48, "heads": 25},
        "gpt_tiny": {
            "vocabulary_size": 100,
            "context": 128,
            "width": 160,
            "depth": 3,
            "heads": 5,
            "dropout": 0.0,
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class GPT(CausalLanguageModel):
    """A decoder-only transformer, from tokens to the logits of the token after each.

        x = E[tokens] + P[0, 1, 2, ...]        blocks        logits = norm(x) E^T

    The matrix E embeds tokens and also gives the logits. With V tokens, a context of T, width d and
    L blocks it has V d + T d + L (12 d^2 + 13 d) + 2 d parameters: 124,439,808 for `gpt2`.

    Args:
        vocabulary_size: int, number of different tokens.
        context: int, largest number of tokens in a sequence.
        width: int, size of the vector of a token.
        depth: int, number of blocks.
        heads: int, attention heads of a block, a divisor of `width`.
        dropout: float, fraction of embeddings, attention weights and block outputs that training
            drops, in [0, 1).

    Input shape: (batch, time) of tokens
    Output shape: (batch, time, vocabulary_size) of logits

    Reference: Radford et al. (2019), Language Models are Unsupervised Multitask Learners.
    """

    def __init__(
        self,
        vocabulary_size: int = 50257,
        context: int = 1024,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
        **kwargs,
    ):
        checks.integers(
            vocabulary_size=vocabulary_size, context=context, width=width, depth=depth, heads=heads
        )
        checks.fractions(dropout=dropout)
        checks.check("heads", heads, width % heads == 0, f"a divisor of the width {width}")
        embed = layers.ReversibleEmbedding(vocabulary_size, width, name="token")
        locate = layers.Embedding(context, width, name="position")
        blocks = [
            TransformerBlock(
                heads, None, "gelu_tanh", "pre", causal=True, dropout=dropout, name=f"block{i + 1}"
            )
            for i in range(depth)
        ]
        norm = layers.LayerNormalization(epsilon=1e-5, name="norm")

        tokens = keras.Input((None,), dtype="int32", name="tokens")
        positions = ops.cumsum(ops.ones_like(tokens[0])) - 1  # 0, 1, 2, ...
        x = layers.Dropout(dropout, name="drop")(embed(tokens) + locate(positions))
        for block in blocks:
            x = block(x)
        super().__init__(tokens, embed(norm(x), reverse=True), **kwargs)

    def embed(self, tokens: Tensor, position: int | Tensor = 0) -> Tensor:
        """Return the first block's input for tokens that start at `position`."""
        positions = position + ops.arange(tokens.shape[1])
        return self.get_layer("token")(tokens) + self.get_layer("position")(positions)
