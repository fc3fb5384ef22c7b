"""The registry: the folders `models` and `learners` themselves, read without importing them.

A family's file holds a literal table beside its class, which is all that registering takes:

    VARIANTS = {"ResNet": {"resnet18": {"block": "basic", "depths": (2, 2, 2, 2)}, ...}}
"""

import ast
import dataclasses
import functools
import importlib
import inspect
import pathlib

from kerasdl import errors
from kerasdl.utils import checks

PACKAGE = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of a model before TensorFlow is imported."""

    name: str
    topic: str  # the folder: vision, sequence, generative, learners
    module: str
    class_name: str
    options: dict
    docstring: str

    def load(self):
        return getattr(importlib.import_module(self.module), self.class_name)


@functools.cache
def entries() -> dict[str, Entry]:
    """Every registered model and learner, by name."""
    found = {}
    for file in sorted([*PACKAGE.glob("models/*/*.py"), *PACKAGE.glob("learners/*.py")]):
        found.update(_read(file))
    return found


def _read(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    tables = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "VARIANTS"
    ]
    module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    for table in tables:
        for class_name, variants in table.items():
            docstring = ast.get_docstring(classes[class_name])
            for name, options in variants.items():
                yield name, Entry(name, file.parent.name, module, class_name, options, docstring)


def list_models(topic: str | None = None) -> list[str]:
    """Names that `create_model` takes, of one topic or of all."""
    if topic is not None:
        errors.one_of("topic", topic, sorted({entry.topic for entry in entries().values()}))
    return sorted(n for n, entry in entries().items() if topic in (None, entry.topic))


def create_model(name: str, **options):
    """Make a network or a learner; every option has a default.

    >>> create_model("resnet20", num_classes=5).output_shape
    (None, 5)
    """
    errors.one_of("model name", name, list_models())
    entry = entries()[name]
    # a learner is made of networks: its `create` takes sizes where its constructor takes networks
    make = entry.load()
    make = getattr(make, "create", make)
    known = [p for p in inspect.signature(make).parameters if p not in ("self", "kwargs")]
    for option in options:
        if option not in ("name", "dtype"):
            errors.one_of(f"option for model `{name}`", option, known)
    checks.model_options(**options)
    return make(**{"name": name, **entry.options, **options})
