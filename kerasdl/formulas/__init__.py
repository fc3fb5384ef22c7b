"""Equations of deep learning as plain NumPy functions, each proven equal to what Keras computes.

A module loads when it is first used: `kerasdl.formulas.optimizers.adam`.
"""

import pathlib

from kerasdl.utils import lazy

__all__ = sorted(file.stem for file in pathlib.Path(__file__).parent.glob("[a-z]*.py"))
__getattr__, __dir__ = lazy.names(__name__, {name: name for name in __all__})
