"""The embedded datasets by name. Each is a function in `kerasdl/data/sets/`."""

import ast
import importlib
import inspect
import json
import pathlib
import textwrap
from collections.abc import Callable

from kerasdl import errors
from kerasdl.data import in_memory

# name: module in kerasdl.data.sets
SETS = {
    "adding": "sequences",
    "breast_cancer": "tables",
    "brown": "brown",
    "copy": "sequences",
    "dates": "texts",
    "diabetes": "tables",
    "digits": "digits",
    "emoji": "emoji",
    "entities": "sentences",
    "faces": "faces",
    "grid": "points",
    "iris": "tables",
    "liaisons": "sentences",
    "mnist": "mnist",
    "mnist1d": "signals",
    "moons": "points",
    "pronunciations": "languages",
    "pydocs": "texts",
    "reviews": "sentences",
    "ring": "points",
    "seasons": "sequences",
    "shapes": "shapes",
    "sine": "sequences",
    "stories": "stories",
    "sums": "texts",
    "swiss_roll": "points",
    "tones": "signals",
    "wine": "tables",
    "world_dates": "languages",
    "world_names": "languages",
}
NO_IMAGES = (
    ".conll",
    ".conllu",
    ".csv",
    ".parquet",
    ".tsv",
    ".txt",
)  # endings of files without images
IMAGES = ("digits", "emoji", "faces", "mnist", "shapes")
LISTER = "kerasdl list data"
BASELINES = pathlib.Path(__file__).parent / "baselines.json"


def names() -> list[str]:
    """Return the names of the embedded datasets.

    Example:
        >>> "digits" in names()
        True
    """
    return sorted(SETS)


def find(name: str) -> Callable:
    """Return the function that makes the dataset `name` from a seed and options."""
    errors.one_of("name of a dataset", name, names(), LISTER)
    return getattr(importlib.import_module(f"kerasdl.data.sets.{SETS[name]}"), name)


def may_hold_images(name: str) -> bool:
    """Return whether `load(name)` may give images: not for tables, texts, points and sequences."""
    if isinstance(name, in_memory.InMemory):
        return name.holds_images
    if pathlib.Path(name).suffix.lower() == ".npz":
        from kerasdl.data.readers import arrays  # imports NumPy

        return arrays.holds_images(name)
    own = name not in SETS and pathlib.Path(name).suffix.lower() not in NO_IMAGES
    return name in IMAGES or own


def card(name: str) -> str:
    """Describe a dataset: its contents, source, license, splits, options and baselines.

    Example:
        >>> print(card("digits").splitlines()[0])
        Digits: 1,797 handwritten digits, grayscale images of 8x8 pixels, ten classes.
    """
    errors.one_of("name of a dataset", name, names(), LISTER)
    file = pathlib.Path(__file__).parent / "sets" / f"{SETS[name]}.py"
    parts = ast.parse(file.read_text(encoding="utf-8")).body  # an import would load NumPy
    functions = [part for part in parts if isinstance(part, ast.FunctionDef)]
    written = next(ast.get_docstring(part) for part in functions if part.name == name)
    return "\n\n".join(filter(None, (written, _baselines_of(name))))


def baselines() -> dict[str, dict[str, float]]:
    """Return test accuracies by dataset and classifier, measured by `kerasdl.data.baselines`."""
    return json.loads(BASELINES.read_text(encoding="utf-8")) if BASELINES.is_file() else {}


def _baselines_of(name):
    numbers = [f"{title} {value:.3f}" for title, value in baselines().get(name, {}).items()]
    sentence = f"Test accuracy with scikit-learn: {', '.join(numbers)}."
    return textwrap.fill(sentence, 90, break_on_hyphens=False) if numbers else ""


def options(name: str) -> dict:
    """Return the options of a dataset and their default values.

    >>> options("digits")["split"]
    'half'
    """
    parameters = inspect.signature(find(name)).parameters
    return {n: p.default for n, p in parameters.items() if n not in ("seed", "image_size")}
