"""Optimizers that Keras lacks."""

from kerasdl.utils import lazy

MODULES = {"Adam": "adam", "AdamW": "adam", "Muon": "muon"}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
