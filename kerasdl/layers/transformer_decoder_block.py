"""The transformer's decoder block: write what comes next, looking at what was read."""

import keras
from keras import layers

from kerasdl.layers import chain
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class TransformerDecoderBlock(TransformerBlock):
    """A causal transformer block that also attends to a context, such as an encoder's output.

    Queries come from the text being written, keys and values from the context, which is the only
    way between the two: an encoder-decoder translates through this attention.

        pre:   x = x + causal_attention(norm(x))
               x = x + attention(Q of norm(x), K and V of context)
               y = x + W2 f(W1 norm(x))
        post:  the same sums, with the norm of each behind it

    Args:
        heads: Number of heads of each attention, a divisor of the width.
        hidden: Width inside the network; `None` for four times the input's width.
        activation: f: "relu", "gelu" or "gelu_tanh", the approximation that GPT-2 uses.
        norm: Place of the layer normalization, "pre" or "post".
        dropout: Fraction that training drops of attention weights and of each part's outputs.
        epsilon: Number that layer normalization adds to the variance.

    Input shape: a list of x (batch, time, width), the context (batch, source, any width) and, if
        parts of the context are padding, a mask (batch, source) that is false there
    Output shape: (batch, time, width)

    Example:
        >>> x, context = keras.ops.ones((1, 5, 8)), keras.ops.ones((1, 7, 6))
        >>> TransformerDecoderBlock(heads=2)([x, context]).shape
        TensorShape([1, 5, 8])

    Spec: TRF-28
    Reference: Vaswani et al. (2017), Attention Is All You Need.
    """

    def __init__(
        self,
        heads,
        hidden=None,
        activation="gelu",
        norm="pre",
        dropout=0.0,
        epsilon=1e-5,
        **kwargs,
    ):
        super().__init__(heads, hidden, activation, norm, True, dropout, epsilon, **kwargs)

    def build(self, input_shape):
        checks.several(self, input_shape, (2, 3), "x, a context and, perhaps, a mask")
        shape, context_shape, *mask = input_shape
        for of_context, names in zip(
            (context_shape, *mask), ("batch, source, size", "batch, source"), strict=False
        ):
            checks.inputs(self, of_context, names)
        super().build(shape)
        self.cross_attention = layers.MultiHeadAttention(
            self.heads,
            shape[-1] // self.heads,
            dropout=self.dropout,
            dtype=self.dtype_policy,
            name="cross_attention",
        )
        self.cross_attention.build(shape, context_shape)
        self.cross_norm = layers.LayerNormalization(epsilon=self.epsilon, name="cross_norm")
        self.cross_drop = layers.Dropout(self.dropout, name="cross_drop")
        chain.build(self, [self.cross_norm, self.cross_drop], shape)

    def look(self, x, context, mask=None):
        """x, beside what it finds in the context."""
        mask = mask if mask is None else mask[:, None]  # (batch, 1, source)

        def part(x):
            return self.cross_drop(self.cross_attention(x, context, attention_mask=mask))

        return self.beside_identity(x, self.cross_norm, part)

    def call(self, inputs, training=False):
        x, *context = inputs
        return self.think(self.look(self.attend(x), *context))

    def step(self, inputs, cache, position):
        """`call` for positions of x from `position` on, the rest being in the cache."""
        x, *context = inputs
        x, cache = self.attend_next(x, cache, position)
        return self.think(self.look(x, *context)), cache

    def compute_output_shape(self, input_shape):
        return input_shape[0]
