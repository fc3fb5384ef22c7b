"""Published multiply-accumulate counts and outputs; tests/conformance compares parameter counts."""

import json
import pathlib

import keras
import pytest

import kerasdl
from kerasdl.explain import counts
from tests.conformance import references
from tests.conformance.models import SUBJECTS

ROWS = json.loads((pathlib.Path(__file__).parents[2] / "reference" / "counts.json").read_text())
PUBLISHED = {row["item"]: row["macs"] for row in ROWS if "macs" in row}
ITEMS = {name: item for s in SUBJECTS for name, item in s.counts.items() if item in PUBLISHED}
# The paper's parameters, but another size of image; batch normalization adds no products.
ITEMS["unet_same"] = "U-Net milesial (BN, bilinear=False), 1 in, 2 classes"
TAKE_LONG_TO_TRACE = {"resnet101", "resnet152", "densenet169", "densenet201", "efficientnet_v2_s"}
TAKE_LONG_TO_TRACE |= {"vit_l16", "convnext_s"}


@pytest.mark.rows("CNA-04", "CNA-06", "CNA-10", "CNA-16", "CNA-21", "CNA-23", "CNA-27")
@pytest.mark.parametrize("name", sorted(ITEMS.keys() - TAKE_LONG_TO_TRACE))
def test_macs_equal_the_published_numbers(name):
    with keras.StatelessScope(initialize_variables=False):  # allocates no weights
        macs = counts.macs(kerasdl.create_model(name))
    assert macs == PUBLISHED[ITEMS[name]]


@pytest.mark.rows("CNA-01", "E-08")
def test_parameter_counts_of_simple_cnn():
    simple_cnn = kerasdl.create_model("simple_cnn")
    assert counts.parameters(simple_cnn) == (1_147_914, 1_148_362)


def test_resnet18_equals_torchvision():
    assert references.largest_error("resnet18") < 3e-5
