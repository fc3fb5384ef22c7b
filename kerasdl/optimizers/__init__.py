"""Optimizers that Keras lacks."""

from kerasdl.utils import lazy

MODULES = {"AdamW": "adamw"}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
