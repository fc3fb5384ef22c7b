"""The embedded datasets: one function of a seed for each, whose docstring is its card."""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
