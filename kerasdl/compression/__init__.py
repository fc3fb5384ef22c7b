"""Smaller networks: pruning, quantisation-aware training, clustering, for any Keras 3 model."""

import importlib

MODULES = {
    "Prune": "pruning",
    "flatten": "flattening",
    "prune": "pruning",
    "sparsity": "pruning",
}

__all__ = list(MODULES)


def __getattr__(name):
    if name in MODULES:
        return getattr(importlib.import_module(f"kerasdl.compression.{MODULES[name]}"), name)
    raise AttributeError(f"module 'kerasdl.compression' has no attribute {name!r}")
