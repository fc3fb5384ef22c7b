"""What encoder-decoders have in common: the generation of a target from a source."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops
from numpy.typing import ArrayLike

from kerasdl.models.network import Network
from kerasdl.models.sequence.generate import generate, stream
from kerasdl.utils.types import Tensor

GREEDY = {"temperature": 0, "stop": (0,)}


class EncoderDecoder(Network):
    """A network that predicts from a source and the target so far the logits of the next token.

    Token 0 pads both sequences and ends a target, which begins with token 1. A family defines
    `begin` and `step`, with which a target is generated without reading the source again.
    """

    context = 32  # tokens of source and target for which `kerasdl info` counts operations
    horizon = None  # a prediction depends on all tokens before it

    def begin(self, source: Tensor, length: int) -> Any:
        """Return the cache with which a target of `length` tokens begins."""
        raise NotImplementedError

    def step(self, tokens: Tensor, cache: Any, position: int | Tensor) -> tuple[Tensor, Any]:
        """Return the logits after target tokens, which start at `position`, and the new cache."""
        raise NotImplementedError

    def generate(self, source: ArrayLike, length: int, **options) -> Any:
        """Translate a source; by default greedily, by the most probable token in each step.

        Args:
            source: integer array (source,) or (batch, source), padded with 0.
            length: int, tokens to generate.
            **options: As in `kerasdl.models.sequence.generate.generate`: `cache`, `temperature`,
                `top_k`, `top_p`, `seed`, `repetition_penalty`, `beams`, `length_penalty`, `draft`,
                `guesses`, `return_steps`, and `stop`, by default token 0.

        Returns:
            Integer array (length,) or (batch, length). Tokens after the first 0 are padding.
        """
        return generate(self, source, length, **{**GREEDY, **options})

    def stream(self, source: ArrayLike, length: int, **options) -> Iterator[Any]:
        """Yield the tokens of `generate`, each as soon as it is chosen.

        Args:
            source: integer array (source,) or (batch, source), padded with 0.
            length: int, tokens to generate.
            **options: `cache`, `temperature`, `top_k`, `top_p`, `seed`, `repetition_penalty` and
                `stop`, as in `generate`.
        """
        return stream(self, source, length, **{**GREEDY, **options})


class TransformerEncoderDecoder(EncoderDecoder):
    """An encoder-decoder of transformer blocks, named "encoder1", "decoder1" and so on.

    A family defines `encode`; the cache is the same for all.
    """

    rewinds = True  # what the cache holds after a position is not used

    def blocks(self, half: str) -> list[keras.Layer]:
        """Return the blocks of a half, "encoder" or "decoder"."""
        return [self.get_layer(f"{half}{i + 1}") for i in range(self._arguments["depth"])]

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the encoder's outputs, and which source tokens are no padding."""
        raise NotImplementedError

    def begin(self, source: Tensor, length: int) -> list[tuple]:
        """Return the decoder's cache for a target of `length` tokens: a tuple for each block.

        It holds the keys and values of the target, none so far, those of the source, and which
        source tokens are known.
        """
        h, known = self.encode(source)
        cache = []
        for block in self.blocks("decoder"):
            own = block.attention.empty_cache(source.shape[0], length)
            cache.append((own, block.cross_attention.remember(h), known))
        return cache


def counted(tokens: Tensor) -> Tensor:
    """Return 0, 1, 2, ... for each position of a batch of tokens."""
    return ops.cumsum(ops.ones_like(tokens[0])) - 1
