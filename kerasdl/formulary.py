"""The formulas of the notes as cards: equation, code, and what they were proven equal to."""

import ast
import dataclasses
import difflib
import functools
import json
import pathlib
import re

from kerasdl import errors

FOLDER = pathlib.Path(__file__).parent / "formulas"
ROW = re.compile(r"\b[A-Z]{3}-\d\d\b")
ERRATUM = re.compile(r"\bE-\d\d\b")
THEMES = {
    "ACT": "activations",
    "AEN": "autoencoders",
    "BAS": "basics: neurons, gradient descent, back-propagation",
    "CMP": "compression",
    "CNA": "convolutional networks",
    "CNO": "convolution and pooling",
    "DAT": "data and augmentation",
    "DBG": "finding faults",
    "DET": "detection and segmentation",
    "DIF": "diffusion",
    "GAN": "adversarial networks",
    "HPO": "search for hyper-parameters",
    "INI": "initial weights",
    "LOS": "losses",
    "MET": "metrics",
    "OPT": "optimizers",
    "OTH": "others: graphs, attacks, recommendation",
    "REG": "regularization and normalization",
    "RNN": "recurrent networks",
    "SCH": "learning-rate schedules",
    "SSL": "self-supervision",
    "TRF": "attention, transformers, embeddings",
    "TRL": "transfer and domains",
    "TRN": "strategies of training",
}


@dataclasses.dataclass(frozen=True)
class Formula:
    """One function of `kerasdl.formulas`.

    Args:
        name: MODULE.FUNCTION.
        docstring: Equation, rows of the notes and an example.
        code: Its source without the docstring.
        rows: Rows of the notes that it is, such as "OPT-09".
        errata: What the notes have wrong about it, such as "E-45".
    """

    name: str
    docstring: str
    code: str
    rows: tuple
    errata: tuple

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
    def uses(self) -> list[str]:
        """Tutorials and modules of this package that call it."""
        return recorded().get(self.name, {}).get("uses", [])

    @property
    def places(self) -> set[str]:
        """What else than its name lists it: its module, its themes, its rows, its errata."""
        return {self.name.partition(".")[0], *self.themes, *self.rows, *self.errata}


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
    rows, errata = (tuple(kind.findall(marked[1] if marked else "")) for kind in (ROW, ERRATUM))
    lines = source.splitlines()
    words = node.body[0]
    code = lines[node.lineno - 1 : words.lineno - 1] + lines[words.end_lineno : node.end_lineno]
    return Formula(name, docstring, "\n".join(code), rows, errata)


@functools.cache
def recorded() -> dict:
    """Name -> proofs and uses, as `make formulas` found them."""
    return json.loads((FOLDER / "proofs.json").read_text(encoding="utf-8"))


def listing(place: str = "") -> list[dict]:
    """A line for each formula of a theme, module, row or erratum of the notes; or of all."""
    found = [f for f in every() if not place or place.casefold() in _folded(f.places)]
    if not found:
        raise errors.InvalidInput("theme, module, row or formula", _hint(place), place)
    return [
        {
            "formula": f.name,
            "what": f.what,
            "notes": " ".join(f.rows),
            "equals": ", ".join(f.proofs),
        }
        for f in found
    ]


def find(name: str) -> list[Formula]:
    """The formulas of a name, with or without that of their module."""
    name = name.removeprefix("kerasdl.formulas.").casefold()
    return [formula for formula in every() if name in _folded((formula.name, _last(formula)))]


def text(formula: Formula) -> str:
    """A card for the terminal."""
    parts = [f"kerasdl.formulas.{formula.name}", formula.docstring, formula.code]
    for proven, difference in formula.proofs.items():
        parts.append(f"equal to {proven}: largest difference {difference:.0e}")
    if formula.uses:
        parts.append(f"used in {', '.join(formula.uses)}")
    return "\n\n".join(parts[:3]) + "\n\n" + "\n".join(parts[3:])


def module(name: str) -> str:
    """What else there is, where a formula is called as a module is; else nothing."""
    others = [_last(f) for f in every() if f.name.startswith(f"{name.casefold()}.")]
    return f"The module {name} has: {', '.join(others)}" if others else ""


def _hint(name):
    modules = (f.name.partition(".")[0] for f in every())
    names = dict.fromkeys(f.name for f in every()) if "." in name else {}
    names = names or dict.fromkeys([*map(_last, every()), *modules])
    near = [known for known in names if name.casefold() in known.casefold()][:5]
    near = near or difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
    themes = f"a theme ({', '.join(THEMES)}), or what `kerasdl formulas` lists"
    return f"one of {', '.join(near)}" if near else themes


def _folded(names):
    return {name.casefold() for name in names}


def _last(formula):
    return formula.name.rpartition(".")[2]
