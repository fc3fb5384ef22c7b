"""Make any Keras 3 model smaller: prune, quantize, cluster, distill."""

from kerasdl.utils import lazy

MODULES = {
    "Compressed": "methods",
    "Prune": "pruning",
    "compress": "methods",
    "distill": "distillation",
    "flatten": "flat_graph",
    "prune": "pruning",
    "quantize_aware": "fake_quant",
    "search": "searching",
    "sensitivity": "layer_sensitivity",
    "sparsity": "pruning",
    "train_aware": "fake_quant",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
