"""Self-attention and cross-attention with several heads."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from kerasdl.errors import InvalidInput
from kerasdl.layers.block import Block
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


def attention_weights(query, key, mask=None, bias=None):
    """Return softmax(query key^T / sqrt(size) + bias), the weight of each key for each query.

    The dot product of two vectors of `size` standard normal numbers has variance `size`. Dividing
    by the square root gives variance one, for which softmax is not saturated. Where `mask` is
    false, the weight is exactly zero; each query needs at least one key.
    """
    scores = product(query / math.sqrt(query.shape[-1]), ops.swapaxes(key, -1, -2))
    if bias is not None:
        scores = scores + ops.cast(bias, scores.dtype)
    if mask is not None:
        scores = ops.where(mask, scores, -math.inf)
    return softmax(scores)


def product(x, y):
    """Return x @ y for each head; a head of y may serve several heads of x in a row.

    x: (batch, heads, time, n)        y: (batch, heads or a divisor, n, m)
    """
    if len(x.shape) == 4 and x.shape[1] != y.shape[1]:
        y = ops.repeat(y, x.shape[1] // y.shape[1], axis=1)
    return x @ y


def angles(positions, size, base=10_000.0):
    """Return t / base^(2i / size) for each position t and i < size / 2: (time, size / 2)."""
    frequencies = base ** (-np.arange(0, size, 2) / size)
    return ops.expand_dims(ops.cast(positions, "float32"), -1) * frequencies.astype("float32")


def rotate(x, angle):
    """Rotate each pair (x_i, x_(i + size / 2)) by its angle; x is (..., time, size)."""
    cos, sin = ops.cast(ops.cos(angle), x.dtype), ops.cast(ops.sin(angle), x.dtype)
    a, b = ops.split(x, 2, axis=-1)
    return ops.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def softmax(scores):
    """Return the weights of the keys for scores (..., query, key)."""
    if scores.shape[-1] == 1:  # Keras's softmax warns of a single key, whose weight is 1
        return ops.ones_like(scores)
    return ops.softmax(scores)


def never_empty(mask):
    """Let a query without any allowed key use all keys, because softmax of none would be NaN.

    Such queries are padding, whose outputs are not used.
    """
    if mask is None:
        return None
    return ops.logical_or(mask, ops.logical_not(ops.any(mask, axis=-1, keepdims=True)))


@keras.saving.register_keras_serializable(package="kerasdl")
class SelfAttention(Block):
    """Compute for each position a mean of the values of all positions, weighted by their match.

    Three linear maps of the same input compute a query (what a position looks for), a key (what it
    offers) and a value (what it passes on). Each head uses its own part of the width. With a second
    input, keys and values are computed from that one: cross-attention.

        head_i = softmax(Q_i K_i^T / sqrt(width / heads) + bias) V_i
        y = [head_1, ..., head_h] W

    Rotary positions rotate queries and keys in proportion to their positions, so that a score
    depends on the distance of the two positions alone:

        (q_i, q_(i + size / 2)) is rotated by the angle t / base^(2i / size)        size: of a head

    Args:
        heads: int, number of heads, a divisor of the input's width.
        dropout: float, fraction of the attention weights that training drops, in [0, 1).
        use_bias: bool, whether the linear maps add a bias.
        key_value_heads: int, heads of keys and values, a divisor of `heads`, each of which serves
            several heads of queries (grouped-query attention). The cache of a generated text
            becomes smaller by that factor. By default every head has its own.
        rotary_base: float, the base of rotary positions, 10,000 as published; `None` for attention
            that does not see positions. Not for cross-attention.
        qk_norm: bool, whether the queries and the keys of a head are divided by their root mean
            square and multiplied by learned scales, which keeps scores small in training.

    Call arguments:
        inputs: (batch, time, width); or a list of it and a context (batch, source, any width), of
            which keys and values are made.
        mask: (batch, time), false for padding, which gets no weight; for a list of inputs a list of
            masks. By default the mask that Keras passes on, such as that of
            `Embedding(mask_zero=True)`.
        attention_mask: bool, of a shape that broadcasts to (batch, time, source), false where a
            query must not use a key.
        bias: of a shape that broadcasts to (batch, heads, time, source), added to the scores, such
            as a relative position bias.

    Input and output shape: (batch, time, width)

    Example:
        >>> SelfAttention(heads=2)(keras.ops.ones((1, 5, 8))).shape
        TensorShape([1, 5, 8])

    Reference: Vaswani et al. (2017), Attention Is All You Need; Su et al. (2021), RoFormer:
    Enhanced Transformer with Rotary Position Embedding; Ainslie et al. (2023), GQA: Training
    Generalized Multi-Query Transformer Models; Henry et al. (2020), Query-Key Normalization for
    Transformers.
    """

    def __init__(
        self,
        heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        key_value_heads: int | None = None,
        rotary_base: float | None = None,
        qk_norm: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(heads=heads)
        checks.fractions(dropout=dropout)
        checks.integers(optional=True, key_value_heads=key_value_heads)
        checks.numbers(above=1, optional=True, limit=1e12, rotary_base=rotary_base)
        checks.flags(use_bias=use_bias, qk_norm=qk_norm)
        holds = heads % (key_value_heads or heads) == 0
        checks.check("key_value_heads", key_value_heads, holds, f"a divisor of the {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.use_bias = use_bias
        self.key_value_heads = key_value_heads
        self.rotary_base = rotary_base
        self.qk_norm = qk_norm
        self.supports_masking = True

    def build(self, input_shape):
        shape, *context = input_shape if _is_several(self, input_shape) else [input_shape]
        checks.inputs(self, shape, "batch, time, width", unknown=("batch", "time"))
        for other in context:
            checks.inputs(self, other, "batch, source, width")
        width = shape[-1]
        if width % self.heads:
            raise InvalidInput(
                "value for argument `heads`", f"a divisor of the width {width}", self.heads
            )
        size, shared = width // self.heads, self.key_value_heads or self.heads
        if self.rotary_base is not None:
            holds = not context and size % 2 == 0
            expected = "None for cross-attention and for heads of odd size"
            checks.check("rotary_base", self.rotary_base, holds, expected)
        policy = {"dtype": self.dtype_policy}
        dense = {"use_bias": self.use_bias, **policy}
        projected = 2 * shared if context else self.heads + 2 * shared
        self.ask = None
        if context:
            self.ask = layers.Dense(width, name="ask", **dense)  # Q
            self.ask.build(shape)
            self.separate_query = layers.Reshape(
                (-1, self.heads, size), name="separate_query", **policy
            )
        # K and V, or Q, K and V in one product
        self.project = layers.Dense(projected * size, name="project", **dense)
        self.project.build(context[0] if context else shape)
        self.separate = layers.Reshape((-1, projected, size), name="separate", **policy)
        if self.qk_norm:
            self.query_norm = layers.RMSNormalization(name="query_norm", **policy)
            self.key_norm = layers.RMSNormalization(name="key_norm", **policy)
            self.query_norm.build((None, self.heads, None, size))
            self.key_norm.build((None, shared, None, size))
        self.drop = layers.Dropout(self.dropout, name="drop", **policy)
        self.join = layers.Reshape((-1, width), name="join", **policy)
        self.mix = layers.Dense(width, name="mix", **dense)
        self.mix.build(shape)

    def split(self, inputs: Tensor | Sequence[Tensor], position: int | Tensor = 0) -> list[Tensor]:
        """Return queries, keys and values, each (batch, heads, time, width / heads).

        Keys and values have `key_value_heads`. The inputs start at `position` of their sequence.
        """
        if not self.built:
            expected = "a built layer (call it once on a batch)"
            raise InvalidInput(f"layer `{self.name}`", expected, "one without weights")
        if self.ask is not None:
            x, context = inputs
            return [self.query(x), *self.remember(context)]
        parts = self.heads // (self.key_value_heads or self.heads) + 2
        *queries, key, value = ops.split(self._separated(inputs), parts, axis=1)
        query = ops.concatenate(queries, axis=1) if len(queries) > 1 else queries[0]
        if self.qk_norm:
            query, key = self.query_norm(query), self.key_norm(key)
        if self.rotary_base is not None:
            time = ops.cumsum(ops.ones_like(query[0, 0, :, 0], dtype="int32")) - 1  # 0, 1, 2, ...
            angle = angles(position + time, query.shape[-1], self.rotary_base)
            query, key = rotate(query, angle), rotate(key, angle)
        return [query, key, value]

    def query(self, x: Tensor) -> Tensor:
        """Return the queries of cross-attention, (batch, heads, time, width / heads)."""
        query = ops.transpose(self.separate_query(_unmasked(self.ask(x))), (0, 2, 1, 3))
        return self.query_norm(query) if self.qk_norm else query

    def remember(self, context: Tensor) -> list[Tensor]:
        """Return the keys and values that cross-attention computes from a context.

        Each is (batch, key_value_heads, source, width / heads). They stay the same while a text
        is generated from that context.
        """
        key, value = ops.split(self._separated(context), 2, axis=1)
        return [self.key_norm(key) if self.qk_norm else key, value]

    def recall(self, x: Tensor, remembered: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """Return the output of cross-attention for what `remember` returned, at inference.

        `mask` (batch, source) is false for the padding of the context.
        """
        key, value = remembered
        weights = self.weigh(self.query(x), key, _key_mask(x, mask, None))
        return self.merge(product(weights, value))

    def _separated(self, x):
        """(batch, time, width) -> (batch, heads of all that is projected, time, width / heads)"""
        return ops.transpose(self.separate(_unmasked(self.project(x))), (0, 2, 1, 3))

    def merge(self, values: Tensor) -> Tensor:
        """Return the output for the values (batch, heads, time, width / heads) of all heads."""
        return self.mix(self.join(ops.transpose(values, (0, 2, 1, 3))))

    def weigh(
        self, query: Tensor, key: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the attention weights, (batch, heads, time, source)."""
        return attention_weights(query, key, never_empty(mask), bias)

    def attention_map(
        self,
        inputs: Tensor | Sequence[Tensor],
        mask: Tensor | Sequence[Tensor | None] | None = None,
        attention_mask: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return the attention weights (batch, heads, time, source) of a batch of inputs."""
        query, key, _ = self.split(inputs)
        return self.weigh(query, key, _key_mask(inputs, mask, attention_mask), bias)

    def call(self, inputs, mask=None, attention_mask=None, bias=None, training=False):
        query, key, value = self.split(inputs)
        weights = self.weigh(query, key, _key_mask(inputs, mask, attention_mask), bias)
        return self.merge(product(self.drop(weights, training=training), value))

    def compute_mask(self, inputs, previous_mask):
        return previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask

    def compute_output_shape(self, input_shape):
        return input_shape[0] if _is_several(self, input_shape) else input_shape


def _is_several(layer, shape):
    """Return whether a shape is that of a list of inputs; the list must have two."""
    if checks.dimensions(shape) is not None:
        return False
    checks.several(layer, shape, (2,), "x (batch, time, width) or a list of x and a context")
    return True


def _unmasked(x):
    """Remove the mask that a Dense layer passes on; it would make Reshape warn."""
    if getattr(x, "_keras_mask", None) is not None:
        x._keras_mask = None
    return x


def _key_mask(inputs, mask, attention_mask):
    """Return the keys that each query may use, (batch, 1, time or 1, source); None for all."""
    if mask is None:
        mask = keras.tree.map_structure(lambda x: getattr(x, "_keras_mask", None), inputs)
    mask = mask[-1] if isinstance(mask, (list, tuple)) else mask
    allowed = None
    if mask is not None:
        allowed = ops.expand_dims(ops.cast(mask, "bool"), (1, 2))  # (batch, 1, 1, source)
    if attention_mask is not None:
        attention_mask = ops.cast(attention_mask, "bool")
        if len(attention_mask.shape) == 3:
            attention_mask = ops.expand_dims(attention_mask, 1)  # (batch, 1, time, source)
        allowed = attention_mask if allowed is None else ops.logical_and(allowed, attention_mask)
    return allowed
