"""Read the tables of variants in the files of networks and learners.

VARIANTS = {"ResNet": {"resnet18": {"block": "basic", "depths": (2, 2, 2, 2)}, ...}}
"""

import ast
import pathlib
from collections.abc import Iterator

START = "\nVARIANTS = "


def read(file: pathlib.Path) -> Iterator[tuple[str, dict]]:
    """Yield each class of a file's table: its name and its variants.

    Only the table is parsed, because every command reads the tables of all files.
    """
    _, start, rest = file.read_text(encoding="utf-8").partition(START)
    if start:
        # the table ends its first line, or a line of its own closes it
        table = rest[: rest.index("\n}") + 2] if rest.startswith("{\n") else rest.split("\n")[0]
        yield from ast.literal_eval(table).items()


def docstring(file: pathlib.Path, class_name: str) -> str:
    """Return the docstring of a class in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return ast.get_docstring(classes[class_name]) or ""


def modules(folder: pathlib.Path) -> dict[str, str]:
    """Return the module of each class in the tables of a folder and its subfolders.

    Example:
        >>> import kerasdl.models
        >>> modules(pathlib.Path(kerasdl.models.__file__).parent)["ResNet"]
        'vision.resnet'
    """
    return {
        name: ".".join(file.relative_to(folder).with_suffix("").parts)
        for file in sorted(folder.rglob("*.py"))
        for name, _ in read(file)
    }
