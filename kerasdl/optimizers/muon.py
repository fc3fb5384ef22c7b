"""Muon for the kernels of dense, convolution and attention layers, AdamW for all other weights."""

import math
import re
from typing import Any

import keras
from keras import ops

from kerasdl.optimizers.adam import OneStep
from kerasdl.utils import checks

# kernels of `keras.layers.MultiHeadAttention` that map (width,) to (heads, size)
TO_HEADS = re.compile(r"(^|/)(query|key|value)/kernel$")


@keras.saving.register_keras_serializable(package="kerasdl")
class Muon(OneStep, keras.optimizers.Muon):
    """Momentum whose update of each matrix is orthogonalized, so that all directions move alike.

        m = mu m + g        u = g + mu m (Nesterov) or m
        w = w - eta 0.2 sqrt(max(rows, columns)) NewtonSchulz(u)

    The Newton-Schulz iteration brings the singular values of the update near 1. The factor gives
    the update the size of AdamW's, so learning rate and weight decay of AdamW fit.

    Keras's Muon orthogonalizes weights with two dimensions and gives AdamW to all others. Here
    every kernel with two or more dimensions is read as the matrix of a linear map from inputs to
    outputs:

        dense                    (inputs, outputs)
        convolution              (height * width * inputs, outputs), as it is applied to patches
        transposed convolution   (height * width * outputs, inputs)
        attention of Keras       query, key, value: (width, heads * size); output: (heads * size,
                                 width)

    The heads are flattened and not orthogonalized one by one, because their kernel is one linear
    map; the numbers are those of a `Dense` layer with the same weights. AdamW updates biases,
    scales, embeddings, tables of positions, depthwise kernels (matrices with a single column) and
    everything that is not called a kernel, with the step of `kerasdl.optimizers.AdamW`.

    Args:
        exclude_last: bool, whether AdamW also updates the last kernel, which is usually that of the
            classifier, as the authors recommend.
        *args, **kwargs: Those of `keras.optimizers.Muon`. `exclude_layers` is a list of regular
            expressions; AdamW updates the weights in whose path one is found.

    Example:
        >>> optimizer = Muon(0.1, weight_decay=None)
        >>> kernel = keras.Variable(keras.ops.zeros((3, 3, 1, 4)), name="kernel")
        >>> optimizer.apply([keras.ops.ones((3, 3, 1, 4))], [kernel])
        >>> bool(abs(kernel.numpy() + 0.0073).max() < 0.0005)
        True

    Reference: Jordan et al. (2024), Muon: An optimizer for hidden layers in neural networks; Liu et
        al. (2025), Muon is Scalable for LLM Training.
    """

    def __init__(self, *args: Any, exclude_last: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        checks.flags(exclude_last=exclude_last, nesterov=self.nesterov)
        checks.fractions(momentum=self.momentum)
        checks.fractions(adam_beta_1=self.adam_beta_1, adam_beta_2=self.adam_beta_2)
        checks.integers(ns_steps=self.ns_steps, limit=100)
        checks.numbers(above=0, rms_rate=self.rms_rate, optional=True)
        self.exclude_last = exclude_last
        self._last: int | None = None  # id of the last kernel, if it is excluded

    def get_config(self) -> dict:
        """Return the arguments."""
        return {**super().get_config(), "exclude_last": self.exclude_last}

    def build(self, variables: Any) -> None:
        """Make the moving averages of all weights."""
        if self.exclude_last and not self.built:
            kernels = [each for each in variables if not self._should_use_adamw(each)]
            self._last = id(kernels[-1]) if kernels else None
        # by index, because an update gets TensorFlow's variables, which have no path
        self._shapes = [matrix_shape(v) if len(v.shape) > 1 else () for v in variables]
        super().build(variables)

    def _should_use_adamw(self, variable):
        path = variable.path
        if not path.endswith("kernel") or id(variable) == self._last:
            return True
        if any(re.search(pattern, path) for pattern in self.exclude_layers):
            return True
        return len(variable.shape) < 2 or 1 in matrix_shape(variable)

    def _muon_update_step(self, gradient, variable, lr, m):
        shape = self._shapes[self._get_variable_index(variable)]
        self.assign(m, self.momentum * m + gradient)
        update = gradient + self.momentum * m if self.nesterov else m
        update = self.zeropower_via_newtonschulz5(ops.reshape(update, shape), self.ns_steps)
        scale = 1.0 if self.rms_rate is None else self.rms_rate * max(shape) ** 0.5
        step = ops.cast(lr, variable.dtype) * scale * update
        self.assign_sub(variable, ops.reshape(step, variable.shape))

    def _adamw_update_step(self, gradient, variable, learning_rate, m, v):
        betas = self.adam_beta_1, self.adam_beta_2
        self.apply_adam(gradient, variable, learning_rate, (m, v), betas)


def matrix_shape(variable: Any) -> tuple[int, int]:
    """Return the shape (inputs, outputs) of the matrix that a kernel is read as.

    Example:
        >>> matrix_shape(keras.Variable(keras.ops.zeros((3, 3, 8, 16)), name="kernel"))
        (72, 16)
    """
    first, *others = variable.shape
    if len(others) == 2 and TO_HEADS.search(variable.path):
        return first, math.prod(others)
    return first * math.prod(others[:-1]), others[-1]
