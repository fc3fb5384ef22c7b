"""Every public function has an example in its docstring. pytest runs the examples as doctests."""

import doctest
import inspect

import pytest

import kerasdl
from tests.test_types import public


@pytest.mark.parametrize("name", sorted(kerasdl.MODULES))
def test_public_functions_have_examples(name):
    thing = getattr(kerasdl, name)
    exported = list(public(thing)) if inspect.ismodule(thing) else [thing]
    functions = [each for each in exported if inspect.isfunction(each)]
    parse = doctest.DocTestParser().get_examples
    without = [f"{f.__module__}.{f.__name__}" for f in functions if not parse(f.__doc__ or "")]
    assert without == []
