"""What decoder-only transformers have in common: a cache of keys and values, and generation."""

import keras

from kerasdl import optimizers
from kerasdl.errors import InvalidInput
from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.sequence.generate import generate, stream
from kerasdl.utils.types import Tensor


class CausalLanguageModel(Network):
    """A network of causal blocks that predicts from the tokens so far the logits of the next.

    A family has the arguments `context` and `depth`, layers "block1", "block2", ..., "norm" and the
    reversible embedding "token", and defines `embed`.
    """

    def embed(self, tokens: Tensor, position: int | Tensor = 0) -> Tensor:
        """Return the first block's input for tokens that start at `position`."""
        raise NotImplementedError

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.AdamW(1e-3), **cross_entropy()}

    @property
    def context(self) -> int:
        return self._arguments["context"]

    @property
    def blocks(self) -> list[keras.Layer]:
        return [self.get_layer(f"block{i + 1}") for i in range(self._arguments["depth"])]

    def call(self, inputs, training=None, mask=None):
        if inputs.shape[1] is not None and inputs.shape[1] > self.context:
            raise InvalidInput("sequence", f"at most {self.context} tokens", inputs.shape[1])
        return super().call(inputs, training=training, mask=mask)

    generate = generate
    stream = stream
    rewinds = True  # what the cache holds after a position is not used
    horizon = context  # number of tokens that a prediction can depend on

    def begin(
        self, tokens: Tensor, length: int | Tensor, size: int | Tensor
    ) -> tuple[list, int | Tensor]:
        """Return a cache for `size` tokens that holds the first `length - 1`, and that number."""
        cache = [block.attention.empty_cache(tokens.shape[0], size) for block in self.blocks]
        _, cache = self.step(tokens, cache, 0)
        return cache, length - 1

    def step(self, tokens: Tensor, cache: list, position: int | Tensor) -> tuple[Tensor, list]:
        """Return the logits after `tokens`, which start at `position`, and the updated cache."""
        x, after = self.embed(tokens, position), []
        for block, before in zip(self.blocks, cache, strict=True):
            x, keys_and_values = block.step(x, before, position)
            after.append(keys_and_values)
        return self.get_layer("token")(self.get_layer("norm")(x), reverse=True), after
