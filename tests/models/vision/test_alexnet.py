"""AlexNet has the layers, shapes and parameter counts of its paper."""

import keras
import pytest
from keras import layers

import kerasdl
from kerasdl.explain import counts
from kerasdl.layers import LocalResponseNormalization


@pytest.fixture(scope="module")
def alexnet():
    with keras.StatelessScope(initialize_variables=False):  # allocates no weights
        return kerasdl.create_model("alexnet")


@pytest.mark.rows("CNA-05", "CNA-07")
def test_shapes_equal_the_paper(alexnet):
    shapes = [layer.output.shape[1:] for layer in alexnet.layers if len(layer.output.shape) == 4]
    sizes = dict.fromkeys(shape[0] for shape in shapes)
    assert list(sizes) == [227, 55, 27, 13, 6]
    assert [alexnet.get_layer(f"conv{i}").output.shape[1:] for i in (1, 2, 3, 4, 5)] == [
        (55, 55, 96),
        (27, 27, 256),
        (13, 13, 384),
        (13, 13, 384),
        (13, 13, 256),
    ]
    assert alexnet.get_layer("features").input.shape == (None, 4096)
    assert alexnet.get_layer("dense6").input.shape == (None, 9216)


@pytest.mark.rows("CNA-08")
@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (LocalResponseNormalization, 2),
        (layers.MaxPooling2D, 3),
        (layers.Dropout, 2),
        (layers.Conv2D, 5),
        (layers.Dense, 3),
    ],
)
def test_numbers_of_layers_equal_the_paper(alexnet, kind, number):
    assert sum(isinstance(layer, kind) for layer in alexnet.layers) == number


@pytest.mark.rows("CNA-09")
def test_two_groups_halve_the_weights_of_the_second_convolution(alexnet):
    assert alexnet.get_layer("conv2").count_params() == 307_456
    with keras.StatelessScope(initialize_variables=False):
        one_piece = kerasdl.create_model("alexnet", groups=1)
    assert one_piece.get_layer("conv2").count_params() == 614_656
    assert counts.parameters(one_piece).trainable == 62_378_344


@pytest.mark.rows("CNA-05")
def test_most_parameters_are_in_the_dense_layers(alexnet):
    dense = sum(p.count_params() for p in alexnet.layers if isinstance(p, layers.Dense))
    assert dense / alexnet.count_params() == pytest.approx(0.962, abs=5e-4)
