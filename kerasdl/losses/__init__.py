"""Losses that Keras lacks, for boxes and for segmentation.

Keras has the others: `BinaryFocalCrossentropy` and `CategoricalFocalCrossentropy`, `Huber` (smooth
L1) and `Dice`.
"""

from kerasdl.utils import lazy

MODULES = {
    "CIoU": "boxes",
    "DIoU": "boxes",
    "GIoU": "boxes",
    "Tversky": "tversky",
    "boundary_weights": "borders",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
