"""Causal self-attention: nobody looks into the future, so the past never has to be read again."""

import keras
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.layers.self_attention import SelfAttention, attention_weights


@keras.saving.register_keras_serializable(package="kerasdl")
class CausalSelfAttention(SelfAttention):
    """Self-attention from each position to itself and to those before it.

    A network of such layers learns to predict every next token of a text in one pass. And as no
    output depends on what follows, the keys and values of a text that grows stay what they were:
    `step` keeps them in a cache and computes new positions only.

        y_t = sum_{s <= t} softmax_s(q_t . k_s / sqrt(size)) v_s

    Args:
        heads: Number of heads, a divisor of the input's width.
        dropout: Fraction of the attention weights that training drops.

    Input and output shape: (batch, time, width)

    Example:
        >>> attention = CausalSelfAttention(heads=2)
        >>> y = attention(keras.ops.ones((1, 5, 8)))
        >>> y0, cache = attention.step(
        ...     keras.ops.ones((1, 1, 8)), attention.empty_cache(1, 5), position=0)

    Spec: TRF-12, TRF-20, TRF-45
    Reference: Radford et al. (2019), Language Models are Unsupervised Multitask Learners.
    """

    def weigh(self, query, key):
        time = ops.cumsum(ops.ones_like(query[0, 0, :, 0], dtype="int32"))  # 1, 2, 3, ...
        return attention_weights(query, key, mask=time[:, None] >= time)

    def empty_cache(self, batch, length):
        """Room for the keys and values of `length` positions."""
        if not self.built:
            raise InvalidInput(f"layer `{self.name}`", "one that was called or built", "neither")
        shape = (batch, self.heads, length, self.mix.units // self.heads)
        return ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)

    def step(self, inputs, cache, position):
        """Outputs for `inputs`, which start at `position`, and the cache with them in it."""
        query, key, value = self.split(inputs)
        keys = ops.slice_update(cache[0], (0, 0, position, 0), key)
        values = ops.slice_update(cache[1], (0, 0, position, 0), value)
        # what lies in the cache behind a position is not yet written, or padding
        now = position + ops.arange(inputs.shape[1])
        mask = ops.arange(keys.shape[2]) <= now[:, None]  # (time, length)
        return self.merge(attention_weights(query, keys, mask) @ values), (keys, values)
