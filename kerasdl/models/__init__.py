"""Networks: a file for each family, in folders by topic."""

import pathlib

from kerasdl.utils import lazy, variants

MODULES = variants.modules(pathlib.Path(__file__).parent) | {"backbone": "backbone"}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
