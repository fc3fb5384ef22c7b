"""What Keras lacks around `fit`; each works with any Keras model."""

from kerasdl import lazy

MODULES = {"NonFinite": "nonfinite"}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
