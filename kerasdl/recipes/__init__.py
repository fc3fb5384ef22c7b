"""Recipes: what `kerasdl train NAME` runs, and the result that each must reach.

run = kerasdl.recipes.get("mlp").run()
run.metrics["test"]
"""

import pathlib
from typing import TYPE_CHECKING, Any

from kerasdl import errors
from kerasdl.recipes.catalog import RECIPES
from kerasdl.recipes.recipe import Bar, Recipe
from kerasdl.utils import checks

if TYPE_CHECKING:
    from kerasdl.runs.run import Run

RESULTS = pathlib.Path(__file__).parent / "results"

__all__ = ["RESULTS", "Bar", "Recipe", "get", "names", "open", "space_of"]


def __dir__() -> list[str]:
    return __all__


def names() -> list[str]:
    """Return the names of all recipes, in the order in which a new user may want them.

    Example:
        >>> "mlp" in names()
        True
    """
    return [recipe.name for recipe in RECIPES]


def get(name: str) -> Recipe:
    """Return the recipe with a name.

    >>> get("mlp").data
    'digits'
    """
    errors.one_of("recipe name", name, names(), lister="kerasdl list recipes")
    return next(recipe for recipe in RECIPES if recipe.name == name)


def space_of(recipe: Recipe) -> tuple:
    """Return the hyperparameters of a recipe, whose ranges and choices include its values.

    Example:
        >>> [parameter.name for parameter in space_of(get("mlp"))][:2]
        ['widths', 'dropout']
    """
    parameters = recipe.space or (get(recipe.name).space if recipe.name in names() else ())
    return tuple(parameter.including(recipe) for parameter in parameters)


def open(
    path: str | pathlib.Path, *, data: Any = None, trust: bool = False, finished: bool = True
) -> "Run":
    """Open a run folder as a `kerasdl.runs.Run`.

    Args:
        path: The folder.
        data: The data that the run was trained on, as `kerasdl.data.load` takes them: needed to
            evaluate, draw, export or compress a run on data in memory, or if files have moved.
        trust: bool, whether code that came with its model may run: see `kerasdl.load_model`.
        finished: bool, whether an interrupted run is refused.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = get("mlp").run(f"{folder}/run", fast=True, progress=False, pictures=False)
        ...     print(open(f"{folder}/run").finished)
        True
    """
    checks.paths(path=path)
    from kerasdl.runs import run  # imports TensorFlow

    return run.open_run(path, Recipe.from_json, data=data, trust=trust, finished=finished)
