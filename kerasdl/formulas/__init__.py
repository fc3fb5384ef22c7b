"""Equations of deep learning as plain NumPy functions, each proven equal to what Keras computes.

A module loads when it is first used: `kerasdl.formulas.optimizers.adam`.
"""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
