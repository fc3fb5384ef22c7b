"""Pictures of models: each function returns a matplotlib figure; the caller saves it.

No display is needed, and matplotlib is imported by the first picture.
"""

import importlib

MODULES = {
    "curves": "training",
    "confusion": "classification",
    "predictions": "classification",
    "interpolation": "generation",
    "latent": "generation",
    "reconstructions": "generation",
    "samples": "generation",
    "feature_maps": "features",
    "trade_off": "compression",
}

__all__ = list(MODULES)


def __getattr__(name):
    if name in MODULES:
        return getattr(importlib.import_module(f"kerasdl.explain.{MODULES[name]}"), name)
    raise AttributeError(f"module 'kerasdl.explain' has no attribute {name!r}")
