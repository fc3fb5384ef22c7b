"""Read the tables of variants in the files of networks and learners.

VARIANTS = {"ResNet": {"resnet18": {"block": "basic", "depths": (2, 2, 2, 2)}, ...}}
"""

import ast
import pathlib
from collections.abc import Iterator


def read(file: pathlib.Path) -> Iterator[tuple[str, dict, str]]:
    """Yield each class of a file's table: its name, its variants and its docstring."""
    text = file.read_text(encoding="utf-8")
    if "VARIANTS" not in text:
        return
    tree = ast.parse(text)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VARIANTS":
            for name, variants in ast.literal_eval(node.value).items():
                yield name, variants, ast.get_docstring(classes[name]) or ""


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
        for name, _, _ in read(file)
    }
