"""Every formula row of the notes is some function's, and every correction stands in its words."""

import pathlib
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


@pytest.mark.parametrize("number", rows.FACTS)
def test_a_fact_about_a_paper_is_said_where_its_correction_is_named(number):
    said = [f.docstring for f in formulary.every() if f"E-{number}" in f.docstring]
    assert any(rows.FACTS[number] in " ".join(words.split()) for words in said), said


def test_every_correction_stands_somewhere_in_the_package():
    package = pathlib.Path(formulary.__file__).parent
    text = "\n".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    assert {f"{n:02}" for n in range(1, 90)} - set(re.findall(r"\bE-(\d\d)\b", text)) == set()


def test_what_the_notes_leave_empty_is_a_formula():
    """Six headings of the notes have no text."""
    filled = {f.name.partition(".")[0] for f in formulary.every() if "E-87" in f.docstring}
    modules = {"basics", "transformer", "diffusion", "regularization", "augmentation"}
    assert filled == modules | {"normalization"}
