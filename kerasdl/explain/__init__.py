"""Figures that explain models.

Each function returns a matplotlib figure, which the caller saves. No display is needed, and
matplotlib is imported by the first figure. These return numbers instead: `activations`, `macs`,
`maximize`, `parameters`, `sanity_check`, and the maps of what in an image an output depends on:
`attention_rollout`, `deconvnet`, `grad_cam`, `grad_cam_plus_plus`, `heat_maps` (any of them by
name), `integrated_gradients`, `occlusion`, `slopes` and `smooth_grad`.
"""

from kerasdl.utils import lazy

MODULES = {
    "activations": "layers",
    "attention": "attention_maps",
    "attention_rollout": "attention_maps",
    "boxes": "detection",
    "confusion": "classification",
    "curves": "learning_curves",
    "deconvnet": "saliency_maps",
    "detections": "detection",
    "feature_maps": "layers",
    "filters": "layers",
    "forecasts": "forecasting",
    "grad_cam": "class_activation_maps",
    "grad_cam_plus_plus": "class_activation_maps",
    "heat_maps": "methods",
    "integrated_gradients": "saliency_maps",
    "interpolation": "generation",
    "latent": "generation",
    "macs": "counts",
    "masks": "detection",
    "maximize": "saliency_maps",
    "occlusion": "occlusions",
    "overlay": "methods",
    "parameters": "counts",
    "perturbation": "saliency_maps",
    "predictions": "classification",
    "reconstructions": "generation",
    "saliency": "saliency_maps",
    "samples": "generation",
    "sanity_check": "methods",
    "slopes": "saliency_maps",
    "smooth_grad": "saliency_maps",
    "steps": "layers",
    "top_patches": "image_patches",
    "trade_off": "compression",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
