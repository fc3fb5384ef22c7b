"""Smaller networks: pruning, quantisation-aware training, clustering, for any Keras 3 model."""

import importlib

MODULES = {
    "Compressed": "compress",
    "Prune": "pruning",
    "compress": "compress",
    "distill": "distillation",
    "flatten": "flattening",
    "prune": "pruning",
    "search": "searching",
    "sensitivity": "sensitive",
    "sparsity": "pruning",
}

__all__ = list(MODULES)


def __getattr__(name):
    if name in MODULES:
        return getattr(importlib.import_module(f"kerasdl.compression.{MODULES[name]}"), name)
    raise AttributeError(f"module 'kerasdl.compression' has no attribute {name!r}")
