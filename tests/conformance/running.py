"""Shapes, precisions and XLA."""

import keras
import numpy as np

from tests.conformance import training
from tests.conformance.common import flat, outputs, step
from tests.conformance.subject import one_or_all


def shapes(subject, folder):
    """Computed, symbolic and eager output shapes are equal, for two sizes of the input."""
    for model, inputs in [(subject.make(), subject.inputs), another_size(subject)]:
        given = keras.tree.map_structure(lambda array: tuple(array.shape), inputs)
        said = model.compute_output_shape(given)
        seen = model(inputs)
        assert keras.tree.map_structure(lambda x: tuple(x.shape), seen) == said
        symbols = keras.tree.map_structure(lambda a: keras.KerasTensor(a.shape, a.dtype), inputs)
        symbolic = keras.tree.map_structure(lambda x: tuple(x.shape), model.symbolic_call(symbols))
        assert symbolic == said


def another_size(subject):
    """Make the model or the bare layer, and inputs of another size for it."""
    several = isinstance(subject.inputs, list)
    sizes = subject.another if several else [subject.another]
    inputs = one_or_all([np.zeros((2, *size), flat(subject.inputs)[0].dtype) for size in sizes])
    if subject.layer:
        layer = subject.layer()
        layer(inputs)
        return layer, inputs
    size = {"input_shape": subject.another, "latent_dim": subject.another[0]}
    return subject.make(**{subject.sized: size[subject.sized]} if subject.sized else {}), inputs


def precision(policy, subject, folder):
    """After a step in mixed precision, weights are finite and outputs near those of float32."""
    keras.config.set_dtype_policy(policy)
    model = training.compiled(subject, run_eagerly=True)
    step(model, subject)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    half = outputs(model, subject.inputs)
    keras.config.set_dtype_policy("float32")
    full = subject.make()
    full.set_weights(model.get_weights())
    full = outputs(full, subject.inputs)
    error = max(
        np.abs(h.astype("float32") - f).max() / np.abs(f).max()
        for h, f in zip(half, full, strict=True)
    )
    assert 0 < error < 0.1  # an error of 0 would mean that it ran in float32
    return f"{error:.0e}"


def jit(subject, folder):
    """XLA compiles a training step; without randomness, its losses equal those of eager mode."""
    compiled = step(training.compiled(subject, options=subject.still, jit_compile=True), subject)
    assert all(np.isfinite(value) for value in compiled.values())
    if subject.still is None:  # XLA draws other random numbers
        return
    eager = step(training.compiled(subject, options=subject.still, run_eagerly=True), subject)
    for name, value in eager.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-3, err_msg=name)
