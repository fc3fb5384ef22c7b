"""Recipes: what `kerasdl train NAME` runs, and the result each must reach."""

import pathlib

from kerasdl import errors
from kerasdl.recipes.recipe import Bar, Recipe
from kerasdl.recipes.run import Run
from kerasdl.recipes.run import open_run as open

RESULTS = pathlib.Path(__file__).parent / "results"
JUDGE = RESULTS / "digits_judge.keras"  # the recorded classifier: which digit an image shows

__all__ = ["JUDGE", "RESULTS", "Bar", "Recipe", "Run", "get", "names", "open"]


def names() -> list[str]:
    """The recipes, in the order in which a newcomer may want them."""
    from kerasdl.recipes import catalog

    return [recipe.name for recipe in catalog.RECIPES]


def get(name: str) -> Recipe:
    from kerasdl.recipes import catalog

    errors.one_of("recipe name", name, names())
    return next(recipe for recipe in catalog.RECIPES if recipe.name == name)
