"""The transformer block: self-attention, then a feed-forward network for each position."""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from kerasdl.layers import chain
from kerasdl.layers.block import Block
from kerasdl.layers.causal_self_attention import CausalSelfAttention
from kerasdl.layers.self_attention import SelfAttention
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

ACTIVATIONS = {
    "relu": ops.relu,
    "gelu": functools.partial(ops.gelu, approximate=False),
    "gelu_tanh": functools.partial(ops.gelu, approximate=True),  # GPT-2's
}


@keras.saving.register_keras_serializable(package="kerasdl")
class TransformerBlock(Block):
    """Self-attention and a feed-forward network of two layers, each with an identity shortcut.

    Attention moves information between positions; the feed-forward network, whose hidden layer is
    four times as wide, is applied to each position. With the normalization before each part
    ("pre"), the input reaches the output through sums only, and deep networks train without
    warm-up. The first transformers had it after each sum ("post").

        pre:   x = x + attention(norm(x))        y = x + W2 f(W1 norm(x))
        post:  x = norm(x + attention(x))        y = norm(x + W2 f(W1 x))
        gated:                                   W2 (f(W3 x) * W1 x) in place of W2 f(W1 x)

    Args:
        heads: int, number of attention heads, a divisor of the width.
        hidden: int, width inside the feed-forward network; by default four times the input's width.
        activation: str or function, f: an activation of Keras, or "gelu_tanh", the approximation
            of gelu that GPT-2 uses.
        norm: str, place of the normalization, "pre" or "post".
        causal: bool, whether a position uses only itself and those before it.
        dropout: float, fraction of the attention weights and of both parts' outputs that training
            drops, in [0, 1).
        epsilon: float, added to the variance by the normalization.
        rms_norm: bool, whether to divide by the root mean square (`keras.layers.RMSNormalization`)
            in place of layer normalization.
        gated: bool, whether a second linear map gates the hidden layer, as in SwiGLU.
        use_bias: bool, whether the linear maps of both parts add a bias.
        key_value_heads, rotary_base, qk_norm: Of the attention, as in `SelfAttention`.

    Call arguments: `mask`, `attention_mask` and `bias` as in `SelfAttention`.

    Input and output shape: (batch, time, width)

    Example:
        >>> TransformerBlock(heads=2)(keras.ops.ones((1, 5, 8))).shape
        TensorShape([1, 5, 8])

    Reference: Vaswani et al. (2017), Attention Is All You Need; Xiong et al. (2020), On Layer
        Normalization in the Transformer Architecture; Shazeer (2020), GLU Variants Improve
        Transformer.
    """

    def __init__(
        self,
        heads: int,
        hidden: int | None = None,
        activation: str | Callable | None = "gelu",
        norm: str = "pre",
        causal: bool = False,
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        rms_norm: bool = False,
        gated: bool = False,
        use_bias: bool = True,
        key_value_heads: int | None = None,
        rotary_base: float | None = None,
        qk_norm: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(heads=heads)
        checks.integers(optional=True, hidden=hidden)
        if activation not in ACTIVATIONS:
            checks.activations(activation=activation)
        checks.choices(("pre", "post"), norm=norm)
        checks.flags(causal=causal, rms_norm=rms_norm, gated=gated, use_bias=use_bias)
        checks.fractions(dropout=dropout)
        checks.numbers(above=0, epsilon=epsilon)
        self.heads = heads
        self.hidden = hidden
        self.activation = activation
        self.norm = norm
        self.causal = causal
        self.dropout = dropout
        self.epsilon = epsilon
        self.rms_norm = rms_norm
        self.gated = gated
        self.use_bias = use_bias
        self.key_value_heads = key_value_heads
        self.rotary_base = rotary_base
        self.qk_norm = qk_norm
        self.supports_masking = True

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, time, width", unknown=("batch", "time"))
        width = input_shape[-1]
        hidden = self.hidden or 4 * width
        attention = CausalSelfAttention if self.causal else SelfAttention
        self.attention_norm = self.normalization("attention_norm")
        self.attention = attention(
            self.heads,
            self.dropout,
            self.use_bias,
            self.key_value_heads,
            self.rotary_base,
            self.qk_norm,
            name="attention",
        )
        self.attention_drop = layers.Dropout(self.dropout, name="attention_drop")
        self.mlp_norm = self.normalization("mlp_norm")
        activate = ACTIVATIONS.get(self.activation, self.activation)
        self.mlp = [
            layers.Dense(hidden, use_bias=self.use_bias, name="expand"),
            layers.Activation(activate, name="activate"),
            layers.Dense(width, use_bias=self.use_bias, name="contract"),
            layers.Dropout(self.dropout, name="mlp_drop"),
        ]
        parts = [self.attention_norm, self.attention, self.attention_drop, self.mlp_norm]
        chain.build(self, [*parts, *self.mlp], input_shape)
        if self.gated:
            self.gate = layers.Dense(hidden, use_bias=self.use_bias, name="gate")
            chain.build(self, [self.gate], input_shape)

    def normalization(self, name: str) -> keras.Layer:
        """Return a new normalization layer of the block's kind."""
        kind = layers.RMSNormalization if self.rms_norm else layers.LayerNormalization
        norm = kind(epsilon=self.epsilon, name=name)
        norm.supports_masking = True  # each position is normalized by itself
        return norm

    def beside_identity(
        self, x: Tensor, norm: keras.Layer, part: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Return x + part(norm(x)), or norm(x + part(x))."""
        return x + part(norm(x)) if self.norm == "pre" else norm(x + part(x))

    def attend(self, x: Tensor, **masks: Tensor) -> Tensor:
        """Return the output of the first half of the block: attention and its shortcut."""

        def part(x):
            return self.attention_drop(self.attention(x, **masks))

        return self.beside_identity(x, self.attention_norm, part)

    def attend_next(
        self, x: Tensor, cache: Any, position: int | Tensor, bias: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Return `attend` for positions from `position` on, and the updated cache."""

        def part(x):
            nonlocal cache
            output, cache = self.attention.step(x, cache, position, bias)
            return output

        return self.beside_identity(x, self.attention_norm, part), cache

    def feed_forward(self, x: Tensor) -> Tensor:
        """Return the output of the second half: the feed-forward network and its shortcut."""
        expand, activate, contract, drop = self.mlp

        def part(x):
            hidden = activate(self.gate(x)) * expand(x) if self.gated else activate(expand(x))
            return drop(contract(hidden))

        return self.beside_identity(x, self.mlp_norm, part)

    def call(self, inputs, mask=None, attention_mask=None, bias=None, training=False):
        masks = {"mask": mask, "attention_mask": attention_mask, "bias": bias}
        masks = {name: value for name, value in masks.items() if value is not None}
        return self.feed_forward(self.attend(inputs, **masks))

    def step(self, inputs: Tensor, cache: Any, position: int | Tensor) -> tuple[Tensor, Any]:
        """Return `call` for positions from `position` on, and the attention's updated cache."""
        x, cache = self.attend_next(inputs, cache, position)
        return self.feed_forward(x), cache

    def compute_output_shape(self, input_shape):
        return input_shape
