"""Self-attention: every position asks, every position answers, all at once."""

import math

import keras
from keras import layers, ops

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks


def attention_weights(query, key, mask=None):
    """softmax(query key^T / sqrt(size)): how much each query takes from each key.

    The dot product of two vectors of `size` standard normal numbers has variance `size`; the root
    brings it back to one, where softmax is not yet saturated. Where `mask` is false the weight is
    exactly zero.
    """
    scores = (query / math.sqrt(query.shape[-1])) @ ops.swapaxes(key, -1, -2)
    if mask is not None:
        scores = ops.where(mask, scores, -math.inf)
    if scores.shape[-1] == 1:  # a single key gets all, of which Keras's softmax would warn
        return ops.ones_like(scores)
    return ops.softmax(scores)


@keras.saving.register_keras_serializable(package="kerasdl")
class SelfAttention(layers.Layer):
    """Give each position a mix of what all positions offer, weighed by how well they match.

    Three linear maps of the same input make a query (what I look for), a key (what I have) and a
    value (what I give). Each of several heads does so in its own slice of the width.

        head_i = softmax(Q_i K_i^T / sqrt(width / heads)) V_i
        y = [head_1, ..., head_h] W

    Args:
        heads: Number of heads, a divisor of the input's width.
        dropout: Fraction of the attention weights that training drops.

    Input and output shape: (batch, time, width)

    Example:
        >>> SelfAttention(heads=2)(keras.ops.ones((1, 5, 8))).shape
        TensorShape([1, 5, 8])

    Spec: TRF-12, TRF-14, TRF-15, TRF-17, TRF-19
    Reference: Vaswani et al. (2017), Attention Is All You Need.
    """

    def __init__(self, heads, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        checks.integers(heads=heads)
        checks.fractions(dropout=dropout)
        self.heads = heads
        self.dropout = dropout

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, time, width", unknown=("batch", "time"))
        width = input_shape[-1]
        if width % self.heads:
            raise InvalidInput(
                "value for argument `heads`", f"a divisor of the width {width}", self.heads
            )
        separated = (-1, 3 * self.heads, width // self.heads)
        policy = {"dtype": self.dtype_policy}
        self.project = layers.Dense(3 * width, name="project", **policy)  # Q, K, V in one product
        self.separate = layers.Reshape(separated, name="separate", **policy)
        self.drop = layers.Dropout(self.dropout, name="drop", **policy)
        self.join = layers.Reshape((-1, width), name="join", **policy)
        self.mix = layers.Dense(width, name="mix", **policy)
        self.project.build(input_shape)
        self.mix.build(input_shape)

    def split(self, inputs):
        """Queries, keys and values, each (batch, heads, time, width / heads)."""
        if not self.built:
            expected = "a built layer (call it once on a batch)"
            raise InvalidInput(f"layer `{self.name}`", expected, "one without weights")
        projected = self.separate(self.project(inputs))  # (batch, time, 3 heads, width / heads)
        return ops.split(ops.transpose(projected, (0, 2, 1, 3)), 3, axis=1)

    def merge(self, values):
        return self.mix(self.join(ops.transpose(values, (0, 2, 1, 3))))

    def weigh(self, query, key):
        return attention_weights(query, key)

    def attention_map(self, inputs):
        """Who looks at whom: (batch, heads, time, time), rows of which sum to one."""
        query, key, _ = self.split(inputs)
        return self.weigh(query, key)

    def call(self, inputs, training=False):
        query, key, value = self.split(inputs)
        weights = self.drop(self.weigh(query, key), training=training)
        return self.merge(weights @ value)

    def compute_output_shape(self, input_shape):
        return input_shape
