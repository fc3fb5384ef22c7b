"""Causal self-attention, with a cache of keys and values for generation."""

import keras
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.layers.self_attention import SelfAttention, attention_weights, never_empty, product
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


@keras.saving.register_keras_serializable(package="kerasdl")
class CausalSelfAttention(SelfAttention):
    """Self-attention from each position to itself and to earlier positions.

    A network of such layers learns to predict every next token of a text in one pass. No output
    depends on later inputs, so the keys and values of a growing text never change: `step` keeps
    them in a cache and computes new positions only.

        y_t = sum_{s <= t} softmax_s(q_t . k_s / sqrt(size)) v_s

    Args:
        heads: int, number of heads, a divisor of the input's width.
        dropout: float, fraction of the attention weights that training drops, in [0, 1).
        use_bias: bool, whether the linear maps add a bias.
        key_value_heads, rotary_base, qk_norm: As in `SelfAttention`.

    Call arguments: as in `SelfAttention`, without a context.

    Input and output shape: (batch, time, width)

    Example:
        >>> attention = CausalSelfAttention(heads=2)
        >>> y = attention(keras.ops.ones((1, 5, 8)))
        >>> y0, cache = attention.step(
        ...     keras.ops.ones((1, 1, 8)), attention.empty_cache(1, 5), position=0)

    Reference: Radford et al. (2019), Language Models are Unsupervised Multitask Learners.
    """

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, time, width", unknown=("batch", "time"))
        super().build(input_shape)

    def weigh(self, query, key, mask=None, bias=None):
        time = ops.cumsum(ops.ones_like(query[0, 0, :, 0], dtype="int32"))  # 1, 2, 3, ...
        causal = ops.expand_dims(time, 1) >= time
        if mask is not None:
            causal = never_empty(ops.logical_and(mask, causal))
        return attention_weights(query, key, causal, bias)

    def empty_cache(self, batch: int, length: int) -> tuple[Tensor, Tensor]:
        """Return room for the keys and values of `length` positions."""
        if not self.built:
            raise InvalidInput(f"layer `{self.name}`", "one that was called or built", "neither")
        shape = (
            batch,
            self.key_value_heads or self.heads,
            length,
            self.mix.units // self.heads,
        )
        return ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)

    def step(
        self,
        inputs: Tensor,
        cache: tuple[Tensor, Tensor],
        position: int | Tensor,
        bias: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs for `inputs`, which start at `position`, and the updated cache.

        `bias` is for all positions of the cache: it broadcasts to (batch, heads, time, length).
        """
        query, key, value = self.split(inputs, position)
        keys = ops.slice_update(cache[0], (0, 0, position, 0), key)
        values = ops.slice_update(cache[1], (0, 0, position, 0), value)
        # cache entries after a position are padding or not written yet
        now = position + ops.arange(inputs.shape[1])
        mask = ops.arange(keys.shape[2]) <= now[:, None]  # (time, length)
        weights = attention_weights(query, keys, mask, bias)
        return self.merge(product(weights, values)), (keys, values)
