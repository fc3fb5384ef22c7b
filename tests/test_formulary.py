"""`kerasdl formulas` and docs/formulas.md: every formula, and what it was proven equal to."""

import pathlib

import pytest

from kerasdl import errors, formulary

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "formulas.md"


def test_every_formula_was_proven_and_stands_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    assert len(formulary.every()) > 300
    lacking = [f.name for f in formulary.every() if not f.proofs or f"`{f.name}`" not in page]
    assert not lacking, "run `make formulas`"
    assert set(formulary.recorded()) == {f.name for f in formulary.every()}, "run `make formulas`"


def test_every_formula_is_short_and_has_an_example():
    for formula in formulary.every():
        assert ">>>" in formula.docstring, formula.name
        assert len(formula.code.splitlines()) <= 20, formula.name


def test_a_formula_is_found_by_its_name_and_shown_with_its_code():
    (adam,) = formulary.find("adam")
    assert adam.name == "optimizers.adam" and "OPT-09" in adam.rows and "OPT" in adam.themes
    text = formulary.text(adam)
    for part in ("m_hat", "return w - learning_rate", "equal to keras.optimizers.Adam"):
        assert part in text
    assert [row["formula"] for row in formulary.listing("OPT")].count("optimizers.adam") == 1


def test_an_unknown_one_gets_suggestions():
    with pytest.raises(errors.InvalidInput, match="adam"):
        formulary.listing("adamm")
