"""Run the proofs; write proofs.json and docs/formulas.md from what they found: `make formulas`."""

import json
import pathlib
import sys

import pytest

from kerasdl.formulary import THEMES

ROOT = pathlib.Path(__file__).parents[2]
PROOFS = ROOT / "kerasdl" / "formulas" / "proofs.json"
PAGE = ROOT / "docs" / "formulas.md"
HEAD = """\
# Formulas

Every equation of the notes as a function of NumPy alone, beside what Keras or this package really
computes. `make formulas` wrote this page from the tests that compare them; nobody edits it. A
difference is the largest one, of the largest number where that is above 1. `kerasdl formulas NAME`
shows equation and code. What is marked (fixture) are numbers of another library that
`tests/reference/` keeps.
"""


class Proofs:
    """Collects what the tests compared, from xdist's workers too."""

    def __init__(self):
        self.found = {}

    def pytest_runtest_logreport(self, report):
        for kind, proof in report.user_properties if report.when == "call" else ():
            if kind == "proof":
                name, proven, difference = proof
                known = self.found.setdefault(name, {})
                known[proven] = max(difference, known.get(proven, 0.0))


def page(formulas):
    """The page's text: a table for each theme, a line for each row of the notes."""
    lines = [HEAD]
    for theme in sorted({theme for formula in formulas for theme in formula.themes}):
        lines += [
            f"## {theme}: {THEMES[theme]}\n",
            "| row | formula | equal to | largest difference |",
        ]
        lines += ["|---|---|---|---|"]
        pairs = [(r, f) for f in formulas for r in f.rows if r.startswith(theme)]
        for row, formula in sorted(pairs, key=lambda pair: pair[0]):
            for proven, difference in formula.proofs.items():
                lines.append(f"| {row} | `{formula.name}` | {proven} | {difference:.0e} |")
        lines.append("")
    rest = [f.name for f in formulas if not f.rows]
    lines.append(f"Besides, without a row of the notes: {', '.join(f'`{n}`' for n in rest)}.")
    return "\n".join(lines) + "\n"


def main():
    proofs = Proofs()
    status = pytest.main([str(pathlib.Path(__file__).parent), "-n", "2"], plugins=[proofs])
    if status:
        return status
    from kerasdl import formulary
    from tests.formulas import uses

    users = uses.every()
    names = [formula.name for formula in formulary.every()]
    if missing := [name for name in names if name not in proofs.found]:
        print("Without a proof:", ", ".join(missing))
        return 1
    kept = {
        name: {
            "proofs": {k: float(f"{v:.0e}") for k, v in sorted(proofs.found[name].items())},
            "uses": users.get(name, []),
        }
        for name in names
    }
    PROOFS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    formulary.recorded.cache_clear()
    PAGE.write_text(page(formulary.every()), encoding="utf-8")
    print(f"Written: {PROOFS}, {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
