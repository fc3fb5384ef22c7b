"""Models with their own way of training: autoencoders, GANs, scheduled sampling."""

import pathlib

from kerasdl.utils import lazy, variants

MODULES = variants.modules(pathlib.Path(__file__).parent)

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
