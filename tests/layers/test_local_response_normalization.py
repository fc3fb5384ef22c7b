"""Local response normalization: reference numbers, half precision, arguments."""

import pathlib

import numpy as np
import pytest

from kerasdl import errors
from kerasdl.layers import LocalResponseNormalization

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lrn.npz")
IMAGES = REFERENCE["x"].transpose(0, 2, 3, 1)


@pytest.mark.rows("REG-16", "CNA-08")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "y_paper"),
        ({"alpha": 0.1}, "y_paper_big"),
        ({"size": 3, "k": 1.0, "alpha": 0.1, "beta": 0.5}, "y_paper_size3_big_k1"),
        ({"alpha": 1e-4 / 5}, "y_torch"),  # PyTorch divides alpha by the size
        ({"alpha": 0.1 / 5}, "y_torch_big"),
    ],
)
def test_equals_the_reference(arguments, expected, training):
    outputs = LocalResponseNormalization(**arguments)(IMAGES, training=training)
    outputs = np.array(outputs).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(outputs, REFERENCE[expected], rtol=0, atol=1e-6)
    if expected == "y_paper_big":
        np.testing.assert_allclose(outputs[0, :4, 0, 0], REFERENCE["y_paper_head"], atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_squares_do_not_overflow_in_half_precision(policy, training):
    images = np.full((1, 1, 1, 5), 300.0, "float32")  # the square overflows float16
    outputs = LocalResponseNormalization(dtype=policy)(images, training=training)
    np.testing.assert_allclose(outputs, LocalResponseNormalization()(images), rtol=1e-2)


def test_it_can_be_inlined(assert_transparent):
    assert_transparent(LocalResponseNormalization(), (4, 4, 8))


def test_refuses_an_even_size():
    with pytest.raises(
        errors.InvalidInput, match=r"`size`. Expected a positive odd .* Received: 4"
    ):
        LocalResponseNormalization(size=4)
