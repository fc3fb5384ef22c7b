"""The formulas of the notes as cards: equation, code, and what they were proven equal to."""

import ast
import dataclasses
import functools
import json
import pathlib
import re

from kerasdl import errors

FOLDER = pathlib.Path(__file__).parent / "formulas"
ROW = re.compile(r"\b([A-Z]{3})-\d\d\b")


@dataclasses.dataclass(frozen=True)
class Formula:
    """One function of `kerasdl.formulas`.

    Args:
        name: MODULE.FUNCTION.
        docstring: Equation, rows of the notes and an example.
        code: Its source without the docstring.
        rows: Rows of the notes that it is, such as "OPT-09".
    """

    name: str
    docstring: str
    code: str
    rows: tuple

    @property
    def what(self) -> str:
        return self.docstring.splitlines()[0]

    @property
    def themes(self) -> list[str]:
        return sorted({row[:3] for row in self.rows})

    @property
    def proofs(self) -> dict[str, float]:
        """What it equals, and the largest difference, as `make formulas` measured it."""
        return recorded().get(self.name, {}).get("proofs", {})

    @property
    def tutorials(self) -> list[str]:
        return recorded().get(self.name, {}).get("tutorials", [])


@functools.cache
def every() -> tuple[Formula, ...]:
    """All formulas, read from the source."""
    found = []
    for file in sorted(FOLDER.glob("[a-z]*.py")):
        source = file.read_text(encoding="utf-8")
        functions = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
        for node in functions:
            if not node.name.startswith("_"):
                found.append(_formula(f"{file.stem}.{node.name}", node, source))
    return tuple(found)


def _formula(name, node, source):
    docstring = ast.get_docstring(node)
    marked = re.search(r"^Spec: (.*?)(\n\n|$)", docstring, re.MULTILINE | re.DOTALL)
    rows = tuple(match[0] for match in ROW.finditer(marked[1] if marked else ""))
    lines = source.splitlines()
    words = node.body[0]
    code = lines[node.lineno - 1 : words.lineno - 1] + lines[words.end_lineno : node.end_lineno]
    return Formula(name, docstring, "\n".join(code), rows)


@functools.cache
def recorded() -> dict:
    """Name -> proofs and tutorials, as `make formulas` found them."""
    return json.loads((FOLDER / "proofs.json").read_text(encoding="utf-8"))


def listing(theme: str = "") -> list[dict]:
    """A line for each formula, of one theme of the notes, of one module, or of all."""
    themes = sorted({theme for formula in every() for theme in formula.themes})
    modules = sorted({formula.name.partition(".")[0] for formula in every()})
    if theme:
        errors.one_of("theme or formula", theme, [*themes, *modules, *map(_last, every())])
    return [
        {
            "formula": f.name,
            "what": f.what,
            "notes": " ".join(f.rows),
            "equals": ", ".join(f.proofs),
        }
        for f in every()
        if not theme or theme in f.themes or f.name.startswith(f"{theme}.")
    ]


def find(name: str) -> list[Formula]:
    """The formulas of a name, with or without that of their module."""
    return [formula for formula in every() if name in (formula.name, _last(formula))]


def text(formula: Formula) -> str:
    """A card for the terminal."""
    parts = [f"kerasdl.formulas.{formula.name}", formula.docstring, formula.code]
    for proven, difference in formula.proofs.items():
        parts.append(f"equal to {proven}: largest difference {difference:.0e}")
    if formula.tutorials:
        parts.append(f"used in tutorials {', '.join(formula.tutorials)}")
    return "\n\n".join(parts[:3]) + "\n\n" + "\n".join(parts[3:])


def _last(formula):
    return formula.name.rpartition(".")[2]
