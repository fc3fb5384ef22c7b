"""`kerasdl formulas` and docs/formulas.md: every formula, and what it was proven equal to."""

import pathlib

import pytest

from kerasdl import errors, formulary
from tests.formulas import uses

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "formulas.md"


def test_every_formula_was_proven_and_stands_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    assert len(formulary.every()) > 300
    lacking = [f.name for f in formulary.every() if not f.proofs or f"`{f.name}`" not in page]
    assert not lacking, "run `make formulas`"
    assert set(formulary.recorded()) == {f.name for f in formulary.every()}, "run `make formulas`"


def test_every_formula_is_short_and_has_an_equation_a_row_and_an_example():
    without_a_row = {"schedules.inverse_square_root"}  # the notes do not have it
    for formula in formulary.every():
        words, example, _ = formula.docstring.partition("\n>>>")
        assert example, formula.name
        assert "\n\n    " in words, formula.name  # an equation stands apart
        assert bool(formula.rows) != (formula.name in without_a_row), formula.name
        assert len(formula.code.splitlines()) <= 15, formula.name


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
    with pytest.raises(errors.InvalidInput, match="kl_divergence"):
        formulary.listing("KL")
    with pytest.raises(errors.InvalidInput, match=r"a theme \(ACT, .*TRN\)"):
        formulary.listing("xyzzy")


@pytest.mark.parametrize("place", ["OPT", "opt", "optimizers", "OPT-09", "opt-09", "E-45"])
def test_lists_of_a_theme_a_module_a_row_and_an_erratum(place):
    assert "optimizers.adam" in [row["formula"] for row in formulary.listing(place)]


@pytest.mark.parametrize("name", ["Adam", "kerasdl.formulas.optimizers.adam", "Optimizers.Adam"])
def test_a_name_may_be_written_as_people_do(name):
    assert [formula.name for formula in formulary.find(name)] == ["optimizers.adam"]


def test_a_formula_does_not_hide_the_module_of_its_name():
    assert formulary.find("transformer") and "feed_forward" in formulary.module("transformer")
    assert not formulary.module("adam")


def test_where_a_formula_is_used_is_up_to_date():
    known = {f.name for f in formulary.every()}
    found = {name: where for name, where in uses.every().items() if name in known}
    recorded = {f.name: f.uses for f in formulary.every() if f.uses}
    assert recorded == found, "run `make formulas`"
    assert "tutorials/1_learning/02_backpropagation_by_hand.py" in found["optimizers.adam"]


def test_every_theme_has_a_name():
    assert {theme for f in formulary.every() for theme in f.themes} == set(formulary.THEMES)
