"""kerasdl: deep-learning notes that run, from a formula to a file on a phone.

Importing it imports no TensorFlow: a submodule loads when it is first used.
"""

import importlib
import os

__version__ = "0.1.0"

SUBMODULES = (
    "compression",
    "data",
    "explain",
    "export",
    "formulas",
    "layers",
    "learners",
    "models",
    "recipes",
)
FUNCTIONS = {"create_model": "registry", "list_models": "registry", "set_seed": "seed"}

__all__ = [*SUBMODULES, *FUNCTIONS]

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # the package's tf.data and LiteRT need it


def __getattr__(name):
    if name in FUNCTIONS:
        return getattr(importlib.import_module(f"kerasdl.{FUNCTIONS[name]}"), name)
    if name in SUBMODULES:
        return importlib.import_module(f"kerasdl.{name}")
    raise AttributeError(f"module 'kerasdl' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
