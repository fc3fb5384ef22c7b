"""Measure how sensitive each layer is to compression, one kernel at a time."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kerasdl.compression import masks, pruning
from kerasdl.errors import InvalidInput
from kerasdl.formulas import quantization
from kerasdl.utils import checks
from kerasdl.utils.types import Arrays


def sensitivity(
    model: keras.Model,
    x: Arrays,
    labels: ArrayLike,
    *,
    bits: int | None = None,
    sparsity: float | None = None,
) -> dict[str, float]:
    """Return how much the cross-entropy grows when one kernel alone is quantized or pruned.

    Skip a sensitive layer with `skip` of `prune`, or give it more bits; the other layers can then
    be compressed further. The model keeps its weights.

    Args:
        model: A trained network that returns logits of classes.
        x: Inputs.
        labels: Class numbers of the inputs.
        bits: int, bits of a weight, from 2 to 32, symmetric about zero, with one scale per output.
        sparsity: float, fraction of the weights set to zero, the smallest ones, in [0, 1). Give
            either this or `bits`.

    Returns:
        A dict from the path of each kernel to the increase of the loss.

    Example:
        >>> dense = keras.layers.Dense(3, name="head")
        >>> model = keras.Sequential([keras.Input((4,)), dense], name="model")
        >>> found = sensitivity(model, np.ones((8, 4)), np.zeros(8, int), bits=4)
        >>> list(found)
        ['model/head/kernel']
    """
    if (bits is None) == (sparsity is None):
        received = f"bits={bits}, sparsity={sparsity}"
        raise InvalidInput("arguments", "either `bits` or `sparsity`", received)

    checks.models(model=model)
    checks.arrays(x=x, labels=labels)
    checks.integers(at_least=2, below=33, bits=bits, optional=True)
    if sparsity is not None:
        checks.fractions(sparsity=sparsity)

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
    scale[scale == 0] = 1  # an output whose weights are all zero
    rounded = quantization.dequantize(quantization.quantize(outputs, scale, bits=bits), scale)
    return np.moveaxis(rounded, 0, -1)
