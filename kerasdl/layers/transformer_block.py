"""The transformer block: positions talk to each other, then each one thinks for itself."""

import functools

import keras
from keras import layers, ops

from kerasdl.layers import chain
from kerasdl.layers.causal_self_attention import CausalSelfAttention
from kerasdl.layers.self_attention import SelfAttention
from kerasdl.utils import checks

ACTIVATIONS = {
    "relu": ops.relu,
    "gelu": functools.partial(ops.gelu, approximate=False),
    "gelu_tanh": functools.partial(ops.gelu, approximate=True),  # GPT-2's
}


@keras.saving.register_keras_serializable(package="kerasdl")
class TransformerBlock(layers.Layer):
    """Self-attention and a two-layer network for each position, both beside an identity.

    Attention moves information between positions; the network, four times as wide inside, works on
    what has arrived. With the norm before each part ("pre") the input reaches the output through
    sums alone, and deep stacks train without warm-up; the first transformers had it behind the sum.

        pre:   x = x + attention(norm(x))        y = x + W2 f(W1 norm(x))
        post:  x = norm(x + attention(x))        y = norm(x + W2 f(W1 x))

    Args:
        heads: Number of attention heads, a divisor of the width.
        hidden: Width inside the network; `None` for four times the input's width.
        activation: f: "relu", "gelu" or "gelu_tanh", the approximation that GPT-2 uses.
        norm: Place of the layer normalization, "pre" or "post".
        causal: Whether a position sees only itself and those before it.
        dropout: Fraction that training drops of attention weights and of both parts' outputs.
        epsilon: Number that layer normalization adds to the variance.

    Input and output shape: (batch, time, width)

    Example:
        >>> TransformerBlock(heads=2)(keras.ops.ones((1, 5, 8))).shape
        TensorShape([1, 5, 8])

    Spec: TRF-16, TRF-23, TRF-24, TRF-27
    Reference: Vaswani et al. (2017), Attention Is All You Need; Xiong et al. (2020), On Layer
        Normalization in the Transformer Architecture.
    """

    def __init__(
        self,
        heads,
        hidden=None,
        activation="gelu",
        norm="pre",
        causal=False,
        dropout=0.0,
        epsilon=1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(heads=heads)
        checks.integers(optional=True, hidden=hidden)
        checks.choices(tuple(ACTIVATIONS), activation=activation)
        checks.choices(("pre", "post"), norm=norm)
        checks.flags(causal=causal)
        checks.fractions(dropout=dropout)
        checks.numbers(above=0, epsilon=epsilon)
        self.heads = heads
        self.hidden = hidden
        self.activation = activation
        self.norm = norm
        self.causal = causal
        self.dropout = dropout
        self.epsilon = epsilon

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, time, width", unknown=("batch", "time"))
        width = input_shape[-1]
        attention = CausalSelfAttention if self.causal else SelfAttention
        self.attention = attention(self.heads, self.dropout, name="attention")
        self.attention_norm = layers.LayerNormalization(epsilon=self.epsilon, name="attention_norm")
        self.attention_drop = layers.Dropout(self.dropout, name="attention_drop")
        self.mlp_norm = layers.LayerNormalization(epsilon=self.epsilon, name="mlp_norm")
        self.mlp = [
            layers.Dense(self.hidden or 4 * width, name="expand"),
            layers.Activation(ACTIVATIONS[self.activation], name="activate"),
            layers.Dense(width, name="contract"),
            layers.Dropout(self.dropout, name="mlp_drop"),
        ]
        parts = [self.attention, self.attention_norm, self.attention_drop, self.mlp_norm]
        chain.build(self, [*parts, *self.mlp], input_shape)

    def beside_identity(self, x, norm, part):
        return x + part(norm(x)) if self.norm == "pre" else norm(x + part(x))

    def attend(self, x):
        def part(x):
            return self.attention_drop(self.attention(x))

        return self.beside_identity(x, self.attention_norm, part)

    def attend_next(self, x, cache, position):
        def part(x):
            nonlocal cache
            output, cache = self.attention.step(x, cache, position)
            return output

        return self.beside_identity(x, self.attention_norm, part), cache

    def think(self, x):
        return self.beside_identity(x, self.mlp_norm, functools.partial(chain.call, self.mlp))

    def call(self, inputs, training=False):
        return self.think(self.attend(inputs))

    def step(self, inputs, cache, position):
        """`call` for positions from `position` on, the rest being in the attention's cache."""
        x, cache = self.attend_next(inputs, cache, position)
        return self.think(x), cache

    def compute_output_shape(self, input_shape):
        return input_shape
