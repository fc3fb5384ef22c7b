"""Readers of the user's own data: one file for each format. Each returns a `Source`."""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
