"""The transformer's decoder block: causal self-attention, cross-attention and feed-forward."""

from collections.abc import Callable, Sequence

import keras
from keras import layers, ops

from kerasdl.layers import chain
from kerasdl.layers.self_attention import SelfAttention
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


@keras.saving.register_keras_serializable(package="kerasdl")
class TransformerDecoderBlock(TransformerBlock):
    """A causal transformer block that also attends to a context, such as an encoder's output.

    Queries come from the text that is being generated, keys and values from the context. In an
    encoder-decoder this is the only connection between encoder and decoder.

        pre:   x = x + causal_attention(norm(x))
               x = x + attention(Q of norm(x), K and V of context)
               y = x + W2 f(W1 norm(x))
        post:  the same sums, each followed by its norm

    Args:
        heads: int, number of heads of each attention, a divisor of the width.
        hidden, activation, norm, dropout, epsilon, rms_norm, gated, use_bias: As in
            `TransformerBlock`.

    Input shape: a list of x (batch, time, width), the context (batch, source, any width) and, if
        parts of the context are padding, a mask (batch, source) that is false there. Without it,
        the mask that Keras passes on with the context.
    Output shape: (batch, time, width)

    Call arguments: `bias` of the causal attention, as in `SelfAttention`.

    Example:
        >>> x, context = keras.ops.ones((1, 5, 8)), keras.ops.ones((1, 7, 6))
        >>> TransformerDecoderBlock(heads=2)([x, context]).shape
        TensorShape([1, 5, 8])

    Reference: Vaswani et al. (2017), Attention Is All You Need.
    """

    def __init__(
        self,
        heads: int,
        hidden: int | None = None,
        activation: str | Callable | None = "gelu",
        norm: str = "pre",
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        rms_norm: bool = False,
        gated: bool = False,
        use_bias: bool = True,
        **kwargs,
    ):
        shared = (
            heads,
            hidden,
            activation,
            norm,
            True,
            dropout,
            epsilon,
            rms_norm,
            gated,
            use_bias,
        )
        super().__init__(*shared, **kwargs)

    def build(self, input_shape):
        checks.several(self, input_shape, (2, 3), "x, a context and, perhaps, a mask")
        shape, context_shape, *mask = input_shape
        for of_context, names in zip(
            (context_shape, *mask), ("batch, source, size", "batch, source"), strict=False
        ):
            checks.inputs(self, of_context, names)
        super().build(shape)
        self.cross_attention = SelfAttention(
            self.heads, self.dropout, self.use_bias, dtype=self.dtype_policy, name="cross_attention"
        )
        self.cross_attention.build([shape, context_shape])
        self.cross_norm = self.normalization("cross_norm")
        self.cross_drop = layers.Dropout(self.dropout, name="cross_drop")
        chain.build(self, [self.cross_norm, self.cross_drop], shape)

    def look(
        self, x: Tensor, context: Tensor | Sequence[Tensor], mask: Tensor | None = None
    ) -> Tensor:
        """Return x plus cross-attention to the context, or to its remembered keys and values."""

        def part(x):
            if isinstance(context, (list, tuple)):
                return self.cross_attention.recall(x, context, mask)
            return self.cross_drop(self.cross_attention([x, context], attention_mask=_row(mask)))

        return self.beside_identity(x, self.cross_norm, part)

    def attention_map(self, inputs: Sequence[Tensor], bias: Tensor | None = None) -> Tensor:
        """Return the weights (batch, heads, time, source) of the context for a list of inputs."""
        x, context, *mask = inputs
        x = self.attend(x) if bias is None else self.attend(x, bias=bias)
        x = self.cross_norm(x) if self.norm == "pre" else x
        return self.cross_attention.attention_map([x, context], attention_mask=_row(*mask))

    def call(self, inputs, mask=None, bias=None, training=False):
        x, *context = inputs
        own, *passed_on = mask or [None]
        if len(context) == 1 and passed_on and passed_on[0] is not None:
            context = [*context, passed_on[0]]
        masks = {"mask": own, "bias": bias}
        masks = {name: value for name, value in masks.items() if value is not None}
        return self.feed_forward(self.look(self.attend(x, **masks), *context))

    def step(self, inputs, cache, position, bias=None):
        """Return `call` for positions of x from `position` on, and the updated cache.

        The context may be given as the keys and values `cross_attention.remember(context)`, which
        are then not computed again in each step.
        """
        x, *context = inputs
        x, cache = self.attend_next(x, cache, position, bias)
        return self.feed_forward(self.look(x, *context)), cache

    def compute_mask(self, inputs, previous_mask):
        return previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def _row(mask=None):
    """(batch, source) -> (batch, 1, source): one row for all queries."""
    return None if mask is None else ops.expand_dims(mask, 1)
