"""kerasdl: deep-learning notes that run, from a formula to a file on a phone.

Importing it imports no TensorFlow: a submodule loads when it is first used.
"""

import os

from kerasdl.utils import lazy

__version__ = "0.1.0"

MODULES = {
    "callbacks": "callbacks",
    "compression": "compression",
    "create_model": "registry",
    "data": "data",
    "diagnosis": "diagnosis",
    "distribute": "distribute",
    "explain": "explain",
    "export": "export",
    "formulas": "formulas",
    "guide": "guide",
    "layers": "layers",
    "learners": "learners",
    "list_models": "registry",
    "load_model": "saving",
    "metrics": "metrics",
    "models": "models",
    "recipes": "recipes",
    "schedules": "schedules",
    "set_seed": "seed",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # the package's tf.data and LiteRT need it
