"""The embedded sets by name, each a function in `kerasdl/data/sets/`."""

import ast
import importlib
import inspect
import pathlib

from kerasdl import errors

# name: module in kerasdl.data.sets
SETS = {
    "adding": "sequences",
    "breast_cancer": "tables",
    "copy": "sequences",
    "dates": "texts",
    "diabetes": "tables",
    "digits": "digits",
    "grid": "points",
    "iris": "tables",
    "moons": "points",
    "pydocs": "texts",
    "ring": "points",
    "shapes": "shapes",
    "sine": "sequences",
    "sums": "texts",
    "swiss_roll": "points",
    "wine": "tables",
}
IMAGES = ("digits", "shapes")


def names() -> list[str]:
    """Names of the embedded sets."""
    return sorted(SETS)


def find(name):
    """The function that makes the set `name`."""
    errors.one_of("name of a data set", name, names())
    return getattr(importlib.import_module(f"kerasdl.data.sets.{SETS[name]}"), name)


def may_hold_images(name: str) -> bool:
    """False for what `load` takes and would not augment: tables, texts, points, sequences."""
    own = name not in SETS and pathlib.Path(name).suffix not in (".csv", ".txt")
    return name in IMAGES or own


def card(name: str) -> str:
    """What the set is, where it comes from, how it is split and what its options are."""
    errors.one_of("name of a data set", name, names())
    file = pathlib.Path(__file__).parent / "sets" / f"{SETS[name]}.py"
    parts = ast.parse(file.read_text(encoding="utf-8")).body  # an import would load NumPy
    return next(ast.get_docstring(part) for part in parts if getattr(part, "name", "") == name)


def options(name: str) -> dict:
    """The options of a set and their defaults.

    >>> options("digits")["split"]
    'half'
    """
    parameters = inspect.signature(find(name)).parameters
    return {n: p.default for n, p in parameters.items() if n not in ("seed", "image_size")}
