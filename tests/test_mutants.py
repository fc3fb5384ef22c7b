"""Mutation testing: which changes are made, which tests run, and what is recorded."""

import json

import pytest

from tests import mutants

SOURCE = '''"""A module."""
LIMIT: int = 3


def f(x, y=1):
    """Return something."""
    if isinstance(x, int):
        return g(x + y, "some text")
    raise ValueError("key")
'''


def test_text_annotations_and_types_are_not_changed():
    pytest.importorskip("mutmut")
    made = mutants.mutants_of("f.py", SOURCE)
    lines = [mutant.lines() for mutant in made]
    assert ('return g(x + y, "some text")', 'return g(x - y, "some text")') in lines
    assert ("LIMIT: int = 3", "LIMIT: int = 4") in lines
    assert ("def f(x, y=1):", "def f(x, y=2):") in lines
    assert ('raise ValueError("key")', 'raise ValueError("XXkeyXX")') in lines
    changed = [now for _, now in lines]
    assert not any("XXsome" in now or "XXReturn" in now or "XXA mod" in now for now in changed)
    assert not any("isinstance(None" in now or "isinstance(x, )" in now for now in changed)
    assert {mutant.function for mutant in made} == {None, (6, 9)}


def test_key_of_a_mutant_does_not_depend_on_other_functions():
    pytest.importorskip("mutmut")
    keys = {mutant.key for mutant in mutants.mutants_of("f.py", SOURCE)}
    after = SOURCE.replace("LIMIT: int = 3", "LIMIT: int = 7\n\n\ndef other():\n    pass")
    again = {mutant.key for mutant in mutants.mutants_of("f.py", after)}
    assert len(keys - again) == 2  # the number and the assignment
    edited = {mutant.key for mutant in mutants.mutants_of("f.py", SOURCE.replace("g(x", "h(x"))}
    assert len(keys & edited) == 2


def mutant(function):
    return mutants.Mutant("f.py", None, None, None, 5, function, "key")


def test_tests_that_run_the_function_come_first_in_order_of_time():
    seconds = {"a.py::slow": 9.0, "a.py::fast": 1.0, "a.py::other": 0.1, "b.py::elsewhere": 0.1}
    lines = {"f.py": {"5": ["a.py::slow", "a.py::fast"], "20": ["b.py::elsewhere"]}}
    assert mutants.choose(mutant((4, 6)), seconds, lines) == [
        "a.py::fast",
        "a.py::slow",
        "a.py::other",
    ]
    assert mutants.choose(mutant((20, 20)), seconds, lines) == ["b.py::elsewhere"]
    # for lines that no test is seen to run, as in a graph or a module, all tests of the file run
    for function in ((7, 8), None):
        assert set(mutants.choose(mutant(function), seconds, lines)) == set(seconds)


def test_tests_beyond_the_time_limit_are_left_out(monkeypatch):
    monkeypatch.setattr(mutants, "SECONDS", 5.0)
    seconds = {"a.py::one": 2.0, "a.py::two": 2.5, "a.py::three": 3.0}
    lines = {"f.py": {"5": list(seconds)}}
    assert mutants.choose(mutant((4, 6)), seconds, lines) == ["a.py::one", "a.py::two"]
    monkeypatch.setattr(mutants, "SECONDS", 1.0)
    assert mutants.choose(mutant((4, 6)), seconds, lines) == ["a.py::one"]


def test_interval_is_wilsons():
    assert mutants.interval(85, 100) == [0.767, 0.907]
    assert mutants.interval(10, 10) == [0.722, 1.0]


def test_recorded_scores_match_the_recorded_counts():
    for found in json.loads(mutants.RESULTS.read_text(encoding="utf-8"))["packages"].values():
        assert found["survived"] == len(found["survivors"])
        assert found["equivalent"] == len(found["equivalents"])
        assert all(row["why"] for row in found["equivalents"])
        killed = found["killed"] + found["did_not_end"]
        assert killed + found["survived"] + found["equivalent"] == found["sampled"]
        assert found["score"] == round(killed / (killed + found["survived"]), 3)
