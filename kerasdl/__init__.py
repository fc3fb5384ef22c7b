"""kerasdl: deep learning from the formula to a file on a phone, with Keras 3.

`import kerasdl` does not import TensorFlow: submodules load on first use.
"""

import os

from kerasdl import registration
from kerasdl.utils import lazy

__version__ = "0.1.0"

MODULES = {
    "boxes": "boxes",
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
    "losses": "losses",
    "list_models": "registry",
    "load_model": "saving",
    "metrics": "metrics",
    "models": "models",
    "optimizers": "optimizers",
    "recipes": "recipes",
    "runs": "runs",
    "tasks": "tasks",
    "training": "training",
    "tuning": "tuning",
    "schedules": "schedules",
    "set_seed": "seed",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)

# TensorFlow uses oneDNN's kernels by default only on newer x86 processors; training steps on the
# others take half of the time with them
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # the package's tf.data and LiteRT need it
registration.install()  # keras.models.load_model finds the classes of this package
