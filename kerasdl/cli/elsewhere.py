"""Find what else has a name: formulas, commands, classes and functions, also those of Keras."""

import ast
import fnmatch
import importlib.util
import pathlib
from collections.abc import Iterator

from kerasdl import formulary
from kerasdl.utils import plain_text, tables

PACKAGE = pathlib.Path(__file__).parents[1]
OURS = (
    *("boxes", "callbacks", "compression", "data", "diagnosis", "distribute", "explain", "export"),
    *("layers", "learners", "losses", "metrics", "optimizers", "schedules", "tuning"),
)
KERAS = (
    *("activations", "applications", "callbacks", "constraints", "initializers", "layers"),
    *("losses", "metrics", "ops", "optimizers", "regularizers"),
)


def find(name: str) -> list[str]:
    """Return the commands and the full names that show or import what has a name.

    Upper case and underscores make no difference. TensorFlow and Keras are not imported.

    Args:
        name: str, a name or a pattern, such as "drop*".

    >>> find("drop_out")
    ['kerasdl formulas regularization.dropout', 'keras.layers.Dropout']
    """
    modules = [module for theme in formulary.THEMES.values() for module in theme]
    themes = dict.fromkeys([*formulary.THEMES, *modules])
    formulas = [formula.name for formula in formulary.every()]
    places = [f"kerasdl formulas {each}" for each in (*themes, *formulas) if _matches(each, name)]
    places += _public("kerasdl", PACKAGE, OURS, name)
    if keras := importlib.util.find_spec("keras"):
        places += _public("keras", pathlib.Path(keras.origin or "").parent, KERAS, name)
    return places


def show(name: str, as_json: bool = False) -> bool:
    """Print where a name is; return False if it is nowhere.

    Args:
        name: str.
        as_json: bool, whether to print JSON.
    """
    places = find(name)
    if places and as_json:
        tables.print_json({"elsewhere": places})
    elif places:
        print(f"{plain_text.for_terminal(name)} is no recipe, model, layer or dataset here. It is")
        for place in places:
            print(f"  {place}")
    return bool(places)


def _public(library, folder, packages, wanted) -> Iterator[str]:
    for package in packages:
        for name in sorted(_names(folder / package)):
            if _matches(name, wanted):
                yield f"{library}.{package}.{name}"


def _names(folder) -> set[str]:
    """Return the names that a package imports for its users."""
    stub, source = folder / "__init__.pyi", folder / "__init__.py"
    text = (stub if stub.is_file() else source).read_text(encoding="utf-8")
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def _matches(name, pattern):
    """Return whether a name, or its last part, matches a pattern."""
    wanted = _plain(pattern)
    return any(fnmatch.fnmatchcase(_plain(n), wanted) for n in (name, name.rpartition(".")[2]))


def _plain(name):
    return name.casefold().replace("_", "").replace("-", "")
