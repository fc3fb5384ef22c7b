"""Write docs/coverage.md from what tests and tutorials declare: `make coverage`."""

import collections

from tests.coverage import declared

PAGE = declared.ROOT / "docs" / "coverage.md"
HEAD = """\
# What holds, row by row

The subject matter of the course is a list of {count} rows in {themes} themes. This page says of
each row whether it holds here, and which test or tutorial shows it. `make coverage` writes the page
from what those declare (`tests/coverage/`); nobody edits it.

| state | rows | meaning |
|---|---|---|
| true | {true} | a test or a tutorial shows it; a network or a learner that it names runs |
| formula only | {formula only} | its equation is code and proven, but nothing here learns with it |
| missing | {missing} | there is no code, or not all that the row asks for; the reason says which |
| history | {history} | it tells or compares; there is nothing to run |
"""
ERRATA = """\
## Errors in the notes

The lecture notes that the list was made from have {count} mistakes. What is true, and the test that
fails if the package says otherwise:

| number | severity | what is true | guarded by |
|---|---|---|---|"""


def main():
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}")


def page() -> str:
    """The page's text."""
    proofs, themes, errata = declared.proofs(), declared.themes(), declared.errata()
    states = collections.Counter()
    lines = []
    for theme, (title, rows) in themes.items():
        lines += [
            f"## {theme}: {title}\n",
            "| row | what | state | shown by |",
            "|---|---|---|---|",
        ]
        for row in rows:
            found = proofs.get(row.code, [])
            state = declared.state(row, found)
            states[state] += 1
            shown = ". ".join(filter(None, [row.reason, _links(found)]))
            lines.append(f"| {row.code} | {row.title} | {state} | {shown} |")
        lines.append("")
    lines.append(ERRATA.format(count=len(errata)))
    for code, (severity, true) in errata.items():
        true = true.replace("|", "\\|")  # p(x|z) is one cell
        lines.append(f"| {code} | {severity} | {true} | {_links(proofs.get(code, []))} |")
    counts = {state: states[state] for state in declared.STATES}
    head = HEAD.format(count=states.total(), themes=len(themes), **counts)
    return "\n".join([head, *lines]) + "\n"


def _links(proofs):
    """Links to files, one for each, with the names of what stands in them."""
    files = {}
    for proof in proofs:
        files.setdefault((proof.kind == "tutorial", proof.path), []).append(proof)
    parts = []
    for (_, path), found in files.items():
        names = ", ".join(f"`{p.name}`" for p in found if p.kind == "formula")
        place = path.removeprefix("tests/").removesuffix(".py")
        parts.append(f"{names} " * bool(names) + f"[{place}](../{path})")
    return ", ".join(parts)


if __name__ == "__main__":
    main()
