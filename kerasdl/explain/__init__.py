"""Figures that explain models.

Each function returns a matplotlib figure, which the caller saves. No display is needed, and
matplotlib is imported by the first figure. `activations`, `macs`, `maximize`, `parameters` and
`slopes` return numbers instead.
"""

from kerasdl.utils import lazy

MODULES = {
    "activations": "layers",
    "attention": "attention_maps",
    "boxes": "detection",
    "confusion": "classification",
    "curves": "learning_curves",
    "feature_maps": "layers",
    "filters": "layers",
    "interpolation": "generation",
    "latent": "generation",
    "macs": "counts",
    "maximize": "saliency_maps",
    "parameters": "counts",
    "perturbation": "saliency_maps",
    "predictions": "classification",
    "reconstructions": "generation",
    "saliency": "saliency_maps",
    "samples": "generation",
    "slopes": "saliency_maps",
    "steps": "layers",
    "top_patches": "image_patches",
    "trade_off": "compression",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
