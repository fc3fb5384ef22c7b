"""Tuning: KerasTuner's searches over the recipes, each trial a run in a process of its own.

from kerasdl import recipes, tuning

search = tuning.tune(recipes.get("mlp"), tuner="bayesian", trials=20)
search.best.metrics
"""

from kerasdl.utils import lazy

MODULES = {
    "RecipeHyperModel": "hypermodel",
    "Search": "search",
    "oracles": "oracles",
    "tune": "search",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
