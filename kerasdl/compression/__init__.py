"""Smaller networks: pruning, quantisation-aware training, clustering, for any Keras 3 model."""

import importlib

MODULES = {
    "Compressed": "compressing",
    "Prune": "pruning",
    "compress": "compressing",
    "distill": "distillation",
    "flatten": "flattening",
    "prune": "pruning",
    "quantize_aware": "fake_quant",
    "search": "searching",
    "sensitivity": "sensitive",
    "sparsity": "pruning",
    "train_aware": "fake_quant",
}

__all__ = list(MODULES)


def __getattr__(name):
    if name in MODULES:
        return getattr(importlib.import_module(f"kerasdl.compression.{MODULES[name]}"), name)
    raise AttributeError(f"module 'kerasdl.compression' has no attribute {name!r}")
