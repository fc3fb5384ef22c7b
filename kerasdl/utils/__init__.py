"""Helpers that several packages share: argument checks, atomic files, patches, quiet imports."""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
