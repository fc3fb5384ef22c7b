"""Fixtures that compare blocks with the files in tests/reference."""

import pathlib

import numpy as np
import pytest

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"


@pytest.fixture
def assert_equals_reference():
    """Load the weights of a PyTorch module into a block, layer by layer, and compare outputs."""

    def check(block, file, atol=1e-5):
        arrays = np.load(REFERENCE / file)
        images = arrays["x"].transpose(0, 2, 3, 1)
        block.build(images.shape)
        theirs = [arrays[name] for name in arrays if name.startswith("w.")]
        # (out, in, height, width) -> (height, width, in, out)
        theirs = [w.transpose(2, 3, 1, 0) if w.ndim == 4 else w for w in theirs]
        block.set_weights(
            [w.reshape(ours.shape) for w, ours in zip(theirs, block.weights, strict=True)]
        )
        outputs = np.array(block(images))
        assert outputs.shape == block.compute_output_shape(images.shape)
        np.testing.assert_allclose(outputs.transpose(0, 3, 1, 2), arrays["y"], rtol=0, atol=atol)

    return check


@pytest.fixture
def pytorch_weights():
    """Load the weights of a PyTorch layer, whose kernels are (out, in), into a block."""
    arrays = np.load(REFERENCE / "transformer_layers.npz")

    def load(block, prefix, mlp_norm):
        parts = {
            "self_attn.in_proj_": block.attention.project,
            "self_attn.out_proj.": block.attention.mix,
            "linear1.": block.mlp[0],
            "linear2.": block.mlp[2],
            "norm1.": block.attention_norm,
            f"{mlp_norm}.": block.mlp_norm,
        }
        for name, part in parts.items():
            part.set_weights([arrays[f"{prefix}.w.{name}{kind}"].T for kind in ("weight", "bias")])

    return load


@pytest.fixture
def assert_transparent():
    """Inline a block until only Keras's own layers are left, and check that outputs are equal."""
    import keras

    def is_ours(layer):
        return type(layer).__module__.startswith("kerasdl")

    def inline(layer, *args, **kwargs):
        return layer.call(*args) if is_ours(layer) else layer(*args, **kwargs)

    def check(block, shape):
        inputs = keras.Input(shape)
        model = flat = keras.Model(inputs, block(inputs))
        while any(map(is_ours, flat.layers)):
            flat = keras.models.clone_model(
                flat, clone_function=lambda layer: layer, call_function=inline
            )
        images = np.random.default_rng(0).random((4, *shape), dtype="float32")
        # training comes last, because it updates the moving statistics
        for training in (False, True):
            np.testing.assert_array_equal(
                model(images, training=training), flat(images, training=training)
            )
        assert {id(w) for w in flat.weights} == {id(w) for w in block.weights}

    return check
