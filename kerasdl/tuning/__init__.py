"""Tuning: KerasTuner's searches over recipes, with each trial a run in its own process.

    from kerasdl import recipes, tuning

    search = tuning.tune(recipes.get("mlp"), tuner="bayesian", trials=20)
    search.best.metrics

A search is one folder. `search` runs it, `oracles` choose the next trial, `trial` is the process
that trains one, `workers` let several processes share a search, `leaderboard` and `figures` show
the results.
"""

from kerasdl.utils import lazy

MODULES = {
    "RecipeHyperModel": "parameters",
    "Search": "search",
    "oracles": "oracles",
    "tune": "search",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
