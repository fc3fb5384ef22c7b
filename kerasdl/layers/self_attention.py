"""Self-attention and cross-attention with several heads."""

import math
from collections.abc import Sequence

import keras
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
    scores = (query / math.sqrt(query.shape[-1])) @ ops.swapaxes(key, -1, -2)
    if bias is not None:
        scores = scores + ops.cast(bias, scores.dtype)
    if mask is not None:
        scores = ops.where(mask, scores, -math.inf)
    return softmax(scores)


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

    Args:
        heads: int, number of heads, a divisor of the input's width.
        dropout: float, fraction of the attention weights that training drops, in [0, 1).
        use_bias: bool, whether the linear maps add a bias.

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

    Reference: Vaswani et al. (2017), Attention Is All You Need.
    """

    def __init__(self, heads: int, dropout: float = 0.0, use_bias: bool = True, **kwargs):
        super().__init__(**kwargs)
        checks.integers(heads=heads)
        checks.fractions(dropout=dropout)
        checks.flags(use_bias=use_bias)
        self.heads = heads
        self.dropout = dropout
        self.use_bias = use_bias
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
        policy = {"dtype": self.dtype_policy}
        dense = {"use_bias": self.use_bias, **policy}
        if context:
            self.ask = layers.Dense(width, name="ask", **dense)  # Q
            self.project = layers.Dense(2 * width, name="project", **dense)  # K and V
            self.ask.build(shape)
            self.project.build(context[0])
        else:
            self.ask = None
            self.project = layers.Dense(
                3 * width, name="project", **dense
            )  # Q, K, V in one product
            self.project.build(shape)
        separated = (-1, (2 if context else 3) * self.heads, width // self.heads)
        self.separate = layers.Reshape(separated, name="separate", **policy)
        self.drop = layers.Dropout(self.dropout, name="drop", **policy)
        self.join = layers.Reshape((-1, width), name="join", **policy)
        self.mix = layers.Dense(width, name="mix", **dense)
        self.mix.build(shape)

    def split(self, inputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
        """Return queries, keys and values, each (batch, heads, time, width / heads)."""
        if not self.built:
            expected = "a built layer (call it once on a batch)"
            raise InvalidInput(f"layer `{self.name}`", expected, "one without weights")
        if self.ask is None:
            projected = self.separate(
                _unmasked(self.project(inputs))
            )  # (batch, time, 3 heads, width / heads)
            return ops.split(ops.transpose(projected, (0, 2, 1, 3)), 3, axis=1)
        x, context = inputs
        size = self.mix.units // self.heads
        query = ops.reshape(
            _unmasked(self.ask(x)), (-1, x.shape[1] or ops.shape(x)[1], self.heads, size)
        )
        projected = self.separate(
            _unmasked(self.project(context))
        )  # (batch, source, 2 heads, width / heads)
        key_and_value = ops.split(ops.transpose(projected, (0, 2, 1, 3)), 2, axis=1)
        return [ops.transpose(query, (0, 2, 1, 3)), *key_and_value]

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
        return self.merge(self.drop(weights, training=training) @ value)

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
