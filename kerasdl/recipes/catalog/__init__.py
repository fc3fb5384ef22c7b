"""The recipes: a file for each theme, in the order in which a new user may want them."""

from kerasdl.recipes.catalog import detection, generative, language, vision

RECIPES = [*vision.RECIPES, *detection.RECIPES, *generative.RECIPES, *language.RECIPES]

__all__ = ["RECIPES"]


def __dir__() -> list[str]:
    return __all__
