"""Every network with a published size has it: trainable parameters and multiply-accumulates."""

import json
import pathlib

import keras
import pytest

import kerasdl
from kerasdl.explain import counts

ROWS = json.loads((pathlib.Path(__file__).parents[2] / "reference" / "counts.json").read_text())
PUBLISHED = {row["item"]: row for row in ROWS}
ITEMS = {
    "lenet5": "LeNet-5 modern (full C3, plain avg-pool, linear 10 head)",
    "alexnet": "AlexNet original (grouped, 227)",
    "resnet20": "CIFAR resnet20 (option A)",
    "resnet32": "CIFAR resnet32 (option A)",
    "resnet56": "CIFAR resnet56 (option A)",
    "se_resnet50": "seresnet50",
    **{f"vgg{depth}": f"vgg{depth}" for depth in (16, 19)},
    **{f"resnet{depth}": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"densenet{depth}": f"densenet{depth}" for depth in (121, 169, 201)},
}


TAKE_LONG_TO_TRACE = {"resnet101", "resnet152", "densenet169", "densenet201"}


@pytest.mark.parametrize("name", ITEMS)
def test_parameters_are_published(name):
    with keras.StatelessScope(initialize_variables=False):  # weights without numbers
        model = kerasdl.create_model(name)
    assert counts.parameters(model).trainable == PUBLISHED[ITEMS[name]]["params"]


@pytest.mark.parametrize("name", sorted(ITEMS.keys() - TAKE_LONG_TO_TRACE))
def test_macs_are_published(name):
    with keras.StatelessScope(initialize_variables=False):
        macs = counts.macs(kerasdl.create_model(name))
    assert macs == PUBLISHED[ITEMS[name]]["macs"]


def test_the_first_networks_have_the_notes_sizes():
    simple_cnn = kerasdl.create_model("simple_cnn")
    assert counts.parameters(simple_cnn) == (1_147_914, 1_148_362)
