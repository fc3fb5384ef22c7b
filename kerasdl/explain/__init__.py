"""Pictures of models: each function returns a matplotlib figure; the caller saves it.

No display is needed, and matplotlib is imported by the first picture.
"""

from kerasdl.utils import lazy

MODULES = {
    "curves": "training",
    "confusion": "classification",
    "boxes": "detection",
    "predictions": "classification",
    "interpolation": "generation",
    "latent": "generation",
    "reconstructions": "generation",
    "samples": "generation",
    "activations": "layerwise",
    "feature_maps": "features",
    "filters": "layerwise",
    "steps": "layerwise",
    "top_patches": "patches",
    "attention": "heads",
    "maximize": "inputs",
    "perturbation": "inputs",
    "saliency": "inputs",
    "slopes": "inputs",
    "trade_off": "compression",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
