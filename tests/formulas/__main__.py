"""Run the proofs and write proofs.json and docs/formulas.md from their results: `make formulas`."""

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

Each equation is a function of NumPy alone, compared with what Keras, this package or another
library really computes. `make formulas` writes this page from the tests that compare them; nobody
edits it. The largest difference is relative to the largest number where that is above 1.
`kerasdl formulas NAME` shows equation and code. (fixture) marks numbers of another library, which
`tests/reference/` keeps.
"""


class Proofs:
    """Collect the comparisons that the tests recorded, also in xdist's workers."""

    def __init__(self):
        self.found = {}

    def pytest_runtest_logreport(self, report):
        for kind, proof in report.user_properties if report.when == "call" else ():
            if kind == "proof":
                name, proven, difference = proof
                known = self.found.setdefault(name, {})
                known[proven] = max(difference, known.get(proven, 0.0))


def page(formulas):
    """Return the text of the page: a table for each theme, a line for each proof."""
    lines = [HEAD]
    for theme in THEMES:
        lines += [f"## {theme}\n", "| formula | what | equal to | largest difference |"]
        lines += ["|---|---|---|---|"]
        for formula in (formula for formula in formulas if formula.theme == theme):
            name, what = f"`{formula.name}`", formula.what.replace("|", "\\|")
            for proven, difference in formula.proofs.items():
                lines.append(f"| {name} | {what} | {proven} | {difference:.0e} |")
                name = what = ""
        lines.append("")
    return "\n".join(lines)


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
