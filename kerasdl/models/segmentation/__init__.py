"""Networks that give a class to each pixel."""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
