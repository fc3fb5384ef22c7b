"""Every formula row of the notes is some function's, and every correction stands in its words."""

import re

import pytest

from kerasdl import formulary
from tests.formulas import rows


@pytest.mark.parametrize("theme", rows.BY_THEME)
def test_every_formula_row_of_the_theme_is_a_functions(theme):
    named = {row for formula in formulary.every() for row in formula.rows}
    wanted = {row for row in rows.ROWS if row.startswith(theme)}
    assert wanted - named == set()


@pytest.mark.parametrize("about", rows.ERRATA)
def test_every_correction_is_named_where_a_reader_meets_it(about):
    named = set(re.findall(r"\bE-(\d\d)\b", "\n".join(f.docstring for f in formulary.every())))
    assert set(rows.ERRATA[about].split()) - named == set()
