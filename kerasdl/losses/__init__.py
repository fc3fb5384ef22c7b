"""Losses that Keras lacks, for boxes, segmentation and sequences of tags.

Keras has the others: `BinaryFocalCrossentropy` and `CategoricalFocalCrossentropy`, `Huber` (smooth
L1) and `Dice`.
"""

from kerasdl.utils import lazy

MODULES = {
    "CIoU": "boxes",
    "DIoU": "boxes",
    "GIoU": "boxes",
    "TaggingLoss": "tagging",
    "Tversky": "tversky",
    "boundary_weights": "borders",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
