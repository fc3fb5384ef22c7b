"""Which layers bear compression: one kernel at a time is spoiled, and the damage measured."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl.compression import masks, pruning
from kerasdl.errors import InvalidInput
from kerasdl.formulas import quantization


def sensitivity(
    model: keras.Model, x, labels, *, bits: int | None = None, sparsity: float | None = None
) -> dict[str, float]:
    """Cross-entropy that each kernel adds when it alone has few bits, or many zeros.

    What costs much wants more bits, or a place in `skip` of `prune`; the rest may be made smaller
    than all together could.

    Args:
        model: A trained network that gives logits of classes.
        x: Inputs.
        labels: Number of the class of each.
        bits: Bits of a weight, symmetrically about zero, a scale for each output.
        sparsity: Share of zeros, the smallest weights.
    """
    if (bits is None) == (sparsity is None):
        raise InvalidInput("kind of damage", "`bits` or `sparsity`", f"{bits} and {sparsity}")

    def loss():
        logits = np.concatenate(
            [model.predict_on_batch(x[i : i + 256]) for i in range(0, len(x), 256)]
        )
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return float(tf.reduce_mean(losses))

    whole, found = loss(), {}
    for kernel in pruning.kernels(model):
        value = kernel.numpy()
        kernel.assign(_rounded(value, bits) if bits else value * _mask(value, sparsity))
        try:
            found[kernel.path] = loss() - whole
        finally:
            kernel.assign(value)
    return found


def _mask(value, sparsity):
    return masks.unstructured([tf.constant(value)], sparsity)[0].numpy()


def _rounded(value, bits):
    outputs = np.moveaxis(value, -1, 0)
    scale = quantization.symmetric(outputs, bits)
    scale[scale == 0] = 1  # an output of zeros alone
    rounded = quantization.dequantize(quantization.quantize(outputs, scale, bits=bits), scale)
    return np.moveaxis(rounded, 0, -1)
