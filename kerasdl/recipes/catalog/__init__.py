"""The recipes by theme, a file each, in the order in which a newcomer may want them."""

from kerasdl.recipes.catalog import detection, generative, language, vision

RECIPES = [*vision.RECIPES, *detection.RECIPES, *generative.RECIPES, *language.RECIPES]
