"""Every property is tested for everything that is declared, and everything is declared."""

import pytest

import kerasdl
from kerasdl import layers
from tests.conformance.declared import SUBJECTS
from tests.conformance.properties import PROPERTIES


def marks(subject, name):
    """Cells of one subject share what was trained; what compiles a whole network takes long."""
    whole = name == "jit" and subject.kind != "layer"
    slow = (
        [pytest.mark.slow] if whole or name in ("two replicas", "two workers", "reference") else []
    )
    return [pytest.mark.xdist_group(subject.name), *slow]


CELLS = [
    pytest.param(subject, name, id=f"{subject.name}-{name}", marks=marks(subject, name))
    for subject in SUBJECTS
    for name in PROPERTIES
    if name not in subject.not_applicable
]


@pytest.mark.rows("CMP-18")
@pytest.mark.parametrize(("subject", "name"), CELLS)
def test_matrix(subject, name, tmp_path, record_property):
    check = PROPERTIES[name]
    if name in subject.no:
        with pytest.raises(Exception):  # noqa: B017, PT011, a "no" must be true, whatever it is
            check(subject, tmp_path)
        cell = f"no: {subject.no[name]}"
    else:
        cell = " ".join(filter(None, ["yes", check(subject, tmp_path)]))
    record_property("cell", (subject.name, name, cell))


def test_every_layer_is_declared():
    declared = {subject.name for subject in SUBJECTS if subject.kind == "layer"}
    assert declared == set(layers.__all__)


def test_every_registered_name_is_declared():
    declared = {name for s in SUBJECTS if s.kind != "layer" for name in (s.name, *s.counts)}
    assert declared == set(kerasdl.list_models())
