"""Parts of detectors, for boxes (x1, y1, x2, y2) in any unit, on any Keras model.

Keras has the others: `keras.utils.bounding_boxes` converts and encodes boxes and computes overlaps.
"""

from kerasdl.utils import lazy

MODULES = {
    "align": "alignment",
    "connected_components": "components",
    "match": "matching",
    "paste": "alignment",
    "pyramid_anchors": "anchors",
    "soft_suppress": "suppression",
    "suppress": "suppression",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
