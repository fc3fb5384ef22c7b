"""Smaller networks: pruning, quantisation-aware training, clustering, for any Keras 3 model."""

from kerasdl.utils import lazy

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
__getattr__, __dir__ = lazy.names(__name__, MODULES)
