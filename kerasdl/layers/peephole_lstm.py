"""An LSTM whose gates also see the cell state."""

import functools

import keras
from keras import layers, ops

from kerasdl.arguments import after_build, set_trainable
from kerasdl.layers.block import Block
from kerasdl.utils import checks

PEEPHOLES = ("diagonal", "full")


@keras.saving.register_keras_serializable(package="kerasdl")
class PeepholeLSTMCell(Block):
    """One step of `PeepholeLSTM`, for `keras.layers.RNN` and for generation step by step.

    Args:
        units, peepholes, use_bias, unit_forget_bias: As in `PeepholeLSTM`.

    Call arguments:
        inputs: (batch, features), the input of the step.
        states: list of the states h and c of the step before, each (batch, units).

    Returns:
        The output h, and a list of the new states h and c.

    Example:
        >>> cell = PeepholeLSTMCell(4)
        >>> h, states = cell(keras.ops.ones((2, 3)), cell.get_initial_state(2))
        >>> h.shape
        TensorShape([2, 4])
    """

    def __init__(
        self,
        units: int,
        peepholes: str = "diagonal",
        use_bias: bool = True,
        unit_forget_bias: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(units=units, limit=checks.LARGEST)
        checks.choices(PEEPHOLES, peepholes=peepholes)
        checks.flags(use_bias=use_bias, unit_forget_bias=unit_forget_bias)
        self.units = units
        self.peepholes = peepholes
        self.use_bias = use_bias
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, features")
        n = self.units
        self.kernel = self.add_weight((input_shape[-1], 4 * n), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((n, 4 * n), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight((4 * n,), self._first_bias, name="bias") if self.use_bias else 0
        shape = (3, n) if self.peepholes == "diagonal" else (3, n, n)
        self.peephole_kernel = self.add_weight(shape, "zeros", name="peephole_kernel")

    def _first_bias(self, shape, dtype=None):
        """Return zeros, and ones for the forget gate, which then keeps the state at first."""
        is_forget = ops.arange(shape[0]) // self.units == 1
        return ops.cast(ops.logical_and(is_forget, self.unit_forget_bias), dtype)

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), self.compute_dtype) for _ in range(2)]

    def call(self, inputs, states):
        h, c = states
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        i, f, g, o = ops.split(z, 4, axis=-1)
        # c = f c + i g
        i, f = ops.sigmoid(i + self._peep(0, c)), ops.sigmoid(f + self._peep(1, c))
        c = f * c + i * ops.tanh(g)
        # h = o tanh(c); o sees the new c
        h = ops.sigmoid(o + self._peep(2, c)) * ops.tanh(c)
        return h, [h, c]

    def _peep(self, gate, c):
        v = self.peephole_kernel[gate]
        return c * v if self.peepholes == "diagonal" else ops.matmul(c, v)


@keras.saving.register_keras_serializable(package="kerasdl")
class PeepholeLSTM(layers.RNN):
    """An LSTM whose gates also see the cell state, through connections called peepholes.

    The gates of the usual LSTM see the cell state only through the output gate: where that is
    closed, they do not know what the cell holds. With peepholes an LSTM learns to measure
    intervals, for which it must count in the cell.

        i, f = sigma(x W + h U + b + V c, each with its own part)      g = tanh(x W + h U + b)
        c' = f c + i g      o = sigma(x W + h U + b + V c')      h' = o tanh(c')

    Weights and gates are in the order of `keras.layers.LSTM`: input, forget, candidate, output. The
    peepholes are zero at first, so the layer starts as that one.

    Args:
        units: int, size of the states.
        peepholes: str, "diagonal": each gate sees its own unit's cell, as published, with 3 units
            more weights than an LSTM; "full": all cells, through three matrices.
        use_bias: bool, whether to add b.
        unit_forget_bias: bool, whether the bias of the forget gate is 1 at first, and not 0.
        **kwargs: Arguments of `keras.layers.RNN`, such as `return_sequences` and `return_state`.

    Input shape: (batch, time, features)
    Output shape: (batch, units), or (batch, time, units) with `return_sequences=True`

    Example:
        >>> PeepholeLSTM(4, return_sequences=True)(keras.ops.ones((2, 5, 3))).shape
        TensorShape([2, 5, 4])
        >>> both = keras.layers.Bidirectional(PeepholeLSTM(4))
        >>> both(keras.ops.ones((2, 5, 3))).shape
        TensorShape([2, 8])

    Reference: Gers and Schmidhuber (2000), Recurrent Nets that Time and Count.
    """

    def __init__(
        self,
        units: int,
        peepholes: str = "diagonal",
        use_bias: bool = True,
        unit_forget_bias: bool = True,
        **kwargs,
    ):
        checks.model_options(**kwargs)
        cell = PeepholeLSTMCell(
            units, peepholes, use_bias, unit_forget_bias, dtype=kwargs.get("dtype"), name="cell"
        )
        super().__init__(cell, **kwargs)

    def build(self, sequences_shape, initial_state_shape=None):
        checks.inputs(self, sequences_shape, "batch, time, features", unknown=("batch", "time"))
        super().build(sequences_shape, initial_state_shape)

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        own = ("units", "peepholes", "use_bias", "unit_forget_bias")
        frozen = {} if self.cell.trainable else {"cell_trainable": False}
        return {**{name: getattr(self.cell, name) for name in own}, **config, **frozen}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        trainable = config.pop("cell_trainable", True)
        layer = cls(**config)
        if not trainable:
            after_build(layer.cell, functools.partial(set_trainable, False, ()))
        return layer
