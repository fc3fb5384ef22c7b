"""docs/coverage.md: every row and every error has one state, and its proofs exist."""

import re

import pytest

from kerasdl import formulary
from tests.coverage import __main__ as coverage
from tests.coverage import declared

PROOFS = declared.proofs()
ROWS = [row for _, rows in declared.themes().values() for row in rows]
ERRATA = declared.errata()


def test_the_page_is_what_the_declarations_say():
    page = coverage.PAGE.read_text(encoding="utf-8")
    assert page == coverage.page(), "run `python -m tests.coverage`"
    assert all(page.count(f"\n| {code} |") == 1 for code in [*(r.code for r in ROWS), *ERRATA])


def test_there_are_649_rows_and_89_errors():
    assert len(ROWS) == len({row.code for row in ROWS}) == 649
    assert list(ERRATA) == [f"E-{number:02}" for number in range(1, 90)]
    assert PROOFS.keys() <= {row.code for row in ROWS} | ERRATA.keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_a_row_has_one_state_that_agrees_with_its_proofs(row):
    assert declared.state(row, PROOFS.get(row.code, [])) in declared.STATES
    assert bool(row.reason) == bool(row.state)


def test_a_state_that_contradicts_its_proofs_is_an_error():
    row = declared.Row("OPT-09", "Adam")
    formula = declared.Proof("formula", "optimizers.adam", "tests/formulas/test_optimizers.py")
    test = declared.Proof("test", "test_adam", "tests/formulas/test_optimizers.py")
    assert declared.state(row, [formula]) == declared.state(row, [test]) == "true"
    open_ = [declared.Row("OPT-09", "Adam", state, "why") for state in declared.STATES[1:]]
    assert declared.state(open_[0], [formula]) == "formula only"
    for contradiction in [(row, []), (open_[0], []), (open_[0], [formula, test])]:
        with pytest.raises(ValueError, match="OPT-09"):
            declared.state(*contradiction)
    for row in open_[1:]:
        with pytest.raises(ValueError, match=row.state):
            declared.state(row, [formula])


@pytest.mark.parametrize("code", ERRATA)
def test_an_error_is_guarded_by_a_test(code):
    assert any(proof.kind == "test" for proof in PROOFS.get(code, []))


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\((.+?)\)", coverage.PAGE.read_text(encoding="utf-8"))
    lost = [link for link in set(links) if not (coverage.PAGE.parent / link).is_file()]
    assert links and not lost


def test_formulas_that_prove_rows_exist():
    names = {formula.name for formula in formulary.every()}
    without_a_row = names - declared.formula_rows.ROWS.keys()
    assert declared.formula_rows.ROWS.keys() <= names
    # in no notes, but Keras users ask
    others = {"schedules.inverse_square_root", "optimizers.newton_schulz", "optimizers.muon"}
    assert without_a_row == others


def test_a_tutorial_of_another_name_is_an_error():
    with pytest.raises(ValueError, match="mend TUTORIALS"):
        declared.tutorial("no such tutorial")
