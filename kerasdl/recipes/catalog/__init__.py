"""The recipes: a file for each theme, in the order in which a new user may want them."""

from kerasdl.recipes.catalog import detection, generative, language, segmentation, sequences, vision

RECIPES = [
    *vision.RECIPES,
    *detection.RECIPES,
    *segmentation.RECIPES,
    *generative.RECIPES,
    *language.RECIPES,
    *sequences.RECIPES,
]

__all__ = ["RECIPES"]


def __dir__() -> list[str]:
    return __all__
