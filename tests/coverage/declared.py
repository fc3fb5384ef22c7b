"""What tests and tutorials declare to prove: rows of the course's list, and corrected errors.

A test declares rows with `@pytest.mark.rows("OPT-09", "E-45")`, a formula in
`tests/formulas/rows.py`, a tutorial in `TUTORIALS` below. Everything is read from the source, so
nothing needs to be imported.
"""

import ast
import dataclasses
import pathlib
import re

from tests.formulas import rows as formula_rows
from tests.formulas import uses

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = pathlib.Path(__file__).parent
STATES = ("true", "formula only", "missing", "history")

# A part of a tutorial's name, and the rows that the tutorial shows and checks.
TUTORIALS = {
    "perceptron": "BAS-04 BAS-05 BAS-06 BAS-07 BAS-08 ACT-14 INI-01",
    "backpropagation": "BAS-12 BAS-13 BAS-14 RNN-05 RNN-06 RNN-10",
    "04_activations": "ACT-01 ACT-02 ACT-03 ACT-04 ACT-06 ACT-07 ACT-08 ACT-09 ACT-10 ACT-11 "
    "ACT-12 ACT-13 ACT-16 ACT-17 ACT-19 ACT-20 DBG-19",
    "vanishing_gradients": "BAS-21 BAS-22 BAS-23 BAS-24 INI-01 INI-02 INI-03 INI-04 INI-05 INI-06 "
    "INI-07 INI-08 INI-11 ACT-08",
    "optimizers": "OPT-01 OPT-02 OPT-03 OPT-04 OPT-05 OPT-06 OPT-07 OPT-08 OPT-09 OPT-10 OPT-11 "
    "OPT-12 OPT-13 OPT-14 OPT-15 DBG-19",
    "learning_rates": "BAS-20 SCH-01 SCH-02 SCH-03 SCH-04 SCH-06 SCH-07 SCH-08 SCH-09 SCH-10 "
    "SCH-11 SCH-12 SCH-13 SCH-14 DBG-19",
    "universal_approximation": "BAS-10 BAS-11 BAS-32",
    "l1_l2": "REG-01 REG-02 REG-03 REG-06 REG-25",
    "dropout": "REG-04 REG-05 REG-07 REG-09 REG-10 REG-11 REG-13 REG-14 INI-11",
    "doctor": "DBG-01 DBG-03 DBG-04 DBG-05 DBG-06 DBG-08",
    "ensembles": "REG-21 TRN-18",
    "curriculum": "TRN-03 TRN-04",
    "questions_on_networks": "TRL-01 TRL-24",
    "convolutions_by_hand": "CNO-01 CNO-04 CNO-07 CNO-08 CNO-28 CNO-29 CNO-51 CNO-56",
    "alexnet_to_densenet": "CNA-17",
    "hog_to_cnn": "CNA-33 OTH-19",
    "04_unet": "DET-15 DET-16 DET-17 DET-24",
    "what_a_network_looks_at": "DBG-14",
    "scheduled_sampling": "TRN-01 TRN-02",
    "autoencoder_to_vae": "AEN-06 AEN-18 AEN-21 AEN-22 AEN-23 AEN-24 AEN-25",
    "to_the_phone/02_pruning": "CMP-08 CMP-09",
    "quantization": "CMP-05 CMP-06 CMP-07",
    "distillation": "CMP-01 CMP-02 CMP-03 CMP-04",
    "on_the_device": "CMP-05 CMP-12 CMP-16 CMP-19",
    "many_devices": "TRN-16",
    "many_machines": "TRN-16",
    "hyperparameters": "HPO-01 HPO-04 HPO-05 HPO-06 HPO-07 HPO-08 HPO-11 HPO-12 HPO-13",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the list, as `rows.txt` has it.

    Args:
        code: str, such as "OPT-09".
        title: str, what it is.
        state: str, of a row that does not hold: "formula only", "missing" or "history".
        reason: str, why it does not.
    """

    code: str
    title: str
    state: str = ""
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Proof:
    """A test, formula or tutorial that declares rows.

    Args:
        kind: str, "test", "formula" or "tutorial".
        name: str, how it is called.
        path: str, its file, from the root of the repository.
    """

    kind: str
    name: str
    path: str


def themes() -> dict[str, tuple[str, list[Row]]]:
    """The code of each theme, such as "OPT", with its title and rows."""
    found: dict[str, tuple[str, list[Row]]] = {}
    for line in (FOLDER / "rows.txt").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"([A-Z]{3}) (.+)", line):
            theme = heading[1]
            found[theme] = heading[2], []
        elif row := re.match(r"(\d\d) (.+)", line):
            found[theme][1].append(Row(f"{theme}-{row[1]}", *row[2].split(" | ")))
    return found


def errata() -> dict[str, tuple[str, str]]:
    """The code of each corrected error, such as "E-45", with its severity and what is true."""
    severities = {"H": "high", "M": "medium", "L": "low", "N": "none"}
    lines = (FOLDER / "errata.txt").read_text(encoding="utf-8").splitlines()
    found = [line.split(maxsplit=2) for line in lines if not line.startswith("#")]
    return {f"E-{number}": (severities[severity], true) for number, severity, true in found}


def proofs() -> dict[str, list[Proof]]:
    """The proofs that are declared for each row and each error."""
    found: dict[str, list[Proof]] = {}
    for proof, codes in [*_tests(), *_formulas(), *_tutorials()]:
        for code in codes:
            found.setdefault(code, []).append(proof)
    return found


def state(row: Row, proofs: list[Proof]) -> str:
    """The one state of a row; an error says what contradicts it.

    A row without a state in `rows.txt` is true and needs a proof. One with a state is proven by no
    test and no tutorial; "formula only" needs a formula, the others have none.
    """
    kinds = {proof.kind for proof in proofs}
    fits = {
        "": bool(kinds),
        "formula only": kinds == {"formula"},
        "missing": not kinds,
        "history": not kinds,
    }
    if not fits[row.state]:
        said = ", ".join(f"{proof.kind} {proof.name}" for proof in proofs) or "nothing"
        raise ValueError(f"{row.code} is {row.state or 'true'} in rows.txt; {said} proves it")
    return row.state or "true"


def tutorial(part: str) -> pathlib.Path:
    """The one tutorial whose path contains some words."""
    scripts = sorted((ROOT / "tutorials").rglob("[0-9]*.py"))
    found = [script for script in scripts if part in script.as_posix()]
    if len(found) != 1:
        raise ValueError(f"tutorials named {part}: {[f.name for f in found]}; mend TUTORIALS")
    return found[0]


def _tests():
    """Tests with the mark `rows`, read without importing them."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "mark.rows" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                codes = [code for mark in node.decorator_list for code in _marked(mark)]
                yield Proof("test", node.name, _path(file)), codes


def _marked(node):
    named = isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rows"
    return [argument.value for argument in node.args] if named else []


def _formulas():
    """Formulas, and the file of the test that proves each."""
    files = sorted((ROOT / "tests" / "formulas").glob("test_*.py"))
    called = {file: uses.called(ast.parse(file.read_text(encoding="utf-8"))) for file in files}
    for name, codes in formula_rows.ROWS.items():
        own = ROOT / "tests" / "formulas" / f"test_{name.partition('.')[0]}.py"
        file = own if own in called else next(file for file in files if name in called[file])
        yield Proof("formula", name, _path(file)), codes


def _tutorials():
    for part, codes in TUTORIALS.items():
        script = tutorial(part)
        yield Proof("tutorial", script.stem, _path(script)), codes.split()


def _path(file):
    return file.relative_to(ROOT).as_posix()
