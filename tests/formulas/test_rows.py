"""Every formula row of the notes is some function's, and every correction stands in its words."""

import ast
import functools
import pathlib
import re

import pytest

from kerasdl import formulary
from tests.formulas import corrections, rows


@pytest.mark.parametrize("theme", rows.LAST)
def test_every_row_of_the_theme_is_a_functions_or_is_known_to_be_no_formula(theme):
    named = {row for formula in formulary.every() for row in formula.rows}
    wanted = rows.ALL - set(rows.NO_FORMULA)
    assert {r for r in named if r[:3] == theme} == {r for r in wanted if r[:3] == theme}


def test_no_row_is_missing_or_left_out_twice():
    assert len(rows.ALL) == 649
    assert len(rows.NO_FORMULA) == len(set(rows.NO_FORMULA))
    assert set(rows.NO_FORMULA) < rows.ALL


@pytest.mark.parametrize("about", rows.ERRATA)
def test_every_correction_is_named_where_a_reader_meets_it(about):
    named = set(re.findall(r"\bE-(\d\d)\b", "\n".join(f.docstring for f in formulary.every())))
    assert set(rows.ERRATA[about].split()) - named == set()


@functools.cache
def sources():
    package = pathlib.Path(formulary.__file__).parent
    return [file.read_text(encoding="utf-8") for file in sorted(package.rglob("*.py"))]


@functools.cache
def docstrings():
    """All of the package, on one line each; what a module names, it may say anywhere."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = []
    for source in sources():
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
        said = {node: ast.get_docstring(node) or "" for node in nodes}
        if re.search(r"\bE-\d\d\b", said[nodes[0]]):
            said[nodes[0]] = source
        found += [" ".join(words.split()) for words in said.values()]
    return found


@pytest.mark.parametrize(("number", "words"), corrections.LINES)
def test_a_grave_mistake_is_corrected_in_these_words(number, words):
    said = [docstring for docstring in docstrings() if f"E-{number}" in docstring]
    assert any(words in docstring for docstring in said), said


def test_every_correction_stands_somewhere_in_the_package():
    text = "\n".join(sources())
    assert {f"{n:02}" for n in range(1, 90)} - set(re.findall(r"\bE-(\d\d)\b", text)) == set()


def test_what_the_notes_leave_empty_is_a_formula():
    """Six headings of the notes have no text."""
    filled = {f.name.partition(".")[0] for f in formulary.every() if "E-87" in f.docstring}
    modules = {"basics", "transformer", "diffusion", "regularization", "augmentation"}
    assert filled == modules | {"normalization"}
