"""Test every property of every declared subject, and that every class is declared."""

import datetime
import os
import pathlib
import subprocess

import pytest

import kerasdl
from kerasdl import layers
from tests.conformance.declared import SUBJECTS
from tests.conformance.properties import PROPERTIES

# properties that train, compile with XLA or start processes
SLOW = {"jit", "two replicas", "two workers", "int8", "ONNX", "seed", "reference", "fresh process"}
# for networks and learners; a layer is small
SLOW_FOR_MODELS = {"learns", "LiteRT", "float16"}
TURNS = 5


def turn():
    """Choose by the commit which fifth of the subjects has its slow cells tested.

    None stands for all of them, as in `make conformance`.
    """
    if os.environ.get("CONFORMANCE") == "all":
        return None
    command = ["git", "rev-parse", "HEAD"]
    folder = pathlib.Path(__file__).parent
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    number = int(found[:8], 16) if found else datetime.date.today().toordinal()
    return number % TURNS


def is_slow(subject, name):
    return name in SLOW or (name in SLOW_FOR_MODELS and subject.kind != "layer")


def cells(now):
    """Give each subject and property to test; of the slow ones, those of this turn."""
    for number, subject in enumerate(SUBJECTS):
        for name in PROPERTIES:
            slow = is_slow(subject, name)
            if name not in subject.not_applicable and (not slow or now in (None, number % TURNS)):
                # cells of one subject share trained models, so they run in one process
                marks = [pytest.mark.xdist_group(subject.name), *[pytest.mark.slow] * slow]
                yield pytest.param(subject, name, id=f"{subject.name}-{name}", marks=marks)


@pytest.mark.rows("CMP-18")
@pytest.mark.parametrize(("subject", "name"), list(cells(turn())))
def test_matrix(subject, name, tmp_path, record_property):
    check = PROPERTIES[name]
    if name in subject.no:
        no = subject.no[name]
        with pytest.raises(no.error, match=no.match):
            check(subject, tmp_path)
        cell = f"no: {no.reason}"
    else:
        cell = " ".join(filter(None, ["yes", check(subject, tmp_path)]))
    record_property("cell", (subject.name, name, cell))


def test_turns_cover_all_cells():
    def ids(now):
        return {cell.id for cell in cells(now)}

    turns = [ids(now) for now in range(TURNS)]
    assert set.union(*turns) == ids(None)
    assert set.intersection(*turns) == {
        f"{s.name}-{name}"
        for s in SUBJECTS
        for name in PROPERTIES
        if name not in s.not_applicable and not is_slow(s, name)
    }


def test_every_layer_is_declared():
    declared = {subject.name for subject in SUBJECTS if subject.kind == "layer"}
    assert declared == set(layers.__all__)


def test_every_registered_name_is_declared():
    declared = {name for s in SUBJECTS if s.kind != "layer" for name in (s.registered, *s.counts)}
    assert declared == set(kerasdl.list_models())
