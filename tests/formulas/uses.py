"""Find the tutorials and modules that call a formula.

`python -m tests.formulas.uses` writes them into proofs.json; `make formulas` does so too.
"""

import ast
import json
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
FORMULAS = "kerasdl.formulas."
PROOFS = ROOT / "kerasdl" / "formulas" / "proofs.json"


def every() -> dict[str, list[str]]:
    """MODULE.FUNCTION -> "tutorials/1_learning/06_optimizers.py", "kerasdl.metrics.bleu", ..."""
    found = {}
    tutorials = sorted((ROOT / "tutorials").rglob("[0-9]*.py"))
    modules = sorted((ROOT / "kerasdl").rglob("*.py"))
    for file in [*tutorials, *(m for m in modules if m.parent.name != "formulas")]:
        place = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        place = file.relative_to(ROOT).as_posix() if file in tutorials else place
        for name in sorted(called(ast.parse(file.read_text(encoding="utf-8")))):
            found.setdefault(name, []).append(place)
    return found


def called(tree: ast.Module) -> set[str]:
    """Return the formulas that a script uses, under whatever name it imports them.

    >>> script = "from kerasdl.formulas import optimizers as o; print(o.adam(0, 1), x.o.momentum)"
    >>> called(ast.parse(script))
    {'optimizers.adam'}
    """
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            known |= {a.asname: a.name for a in node.names if a.asname}
            known |= {a.name.partition(".")[0]: a.name.partition(".")[0] for a in node.names}
    names = set()
    for node in ast.walk(tree):
        first, _, rest = _dotted(node).partition(".")
        whole = f"{known.get(first, first)}.{rest}"
        if first and whole.startswith(FORMULAS):
            parts = whole.removeprefix(FORMULAS).split(".")
            names |= {".".join(parts[:2])} if len(parts) > 1 and parts[1] else set()
    return names


def _dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        front = _dotted(node.value)
        return f"{front}.{node.attr}" if front else ""
    return ""


def main():
    """Update the uses in proofs.json without running the proofs again."""
    kept = json.loads(PROOFS.read_text(encoding="utf-8"))
    found = every()
    for name, entry in kept.items():
        entry["uses"] = found.get(name, [])
    PROOFS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
