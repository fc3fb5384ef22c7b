"""Embedded datasets have the contents with which results were recorded."""

import json

import pytest

from tests.data import contents

DEFAULTS, *RECORDED = json.loads(contents.FILE.read_text(encoding="utf-8"))


def test_options_have_the_defaults_that_were_recorded():
    assert contents.defaults() == DEFAULTS[2]


def test_every_case_is_recorded():
    cases = [[name, options] for name, options in json.loads(json.dumps(contents.CASES))]
    assert [row[:2] for row in RECORDED] == cases


@pytest.mark.parametrize("number", range(len(contents.CASES)), ids=lambda n: contents.CASES[n][0])
def test_contents_are_those_that_were_recorded(number):
    compare(contents.numbers(*contents.CASES[number]), RECORDED[number][2])


def compare(found, recorded):
    if isinstance(recorded, dict):
        assert found.keys() == recorded.keys()
        for name in recorded:
            compare(found[name], recorded[name])
    elif isinstance(recorded, list):
        assert len(found) == len(recorded)
        for one, other in zip(found, recorded, strict=True):
            compare(one, other)
    elif isinstance(recorded, float):
        assert found == pytest.approx(recorded, rel=1e-4, abs=1e-4)
    else:
        assert found == recorded
