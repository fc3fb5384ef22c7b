"""Runs: train a recipe into a folder, and use the results in it.

A run folder holds config.json, history.csv, metrics.json, model.keras, figures/, events/ (for
TensorBoard), checkpoints/ and examples/; `kerasdl.recipes.open` opens it.
"""

from kerasdl.utils import lazy

MODULES = {
    "Run": "run",
    "is_finished": "folder",
    "train": "train",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
