"""The recipes by theme, a file each, in the order in which a newcomer may want them."""

from kerasdl.recipes.catalog import generative, language, vision

RECIPES = [*vision.RECIPES, *generative.RECIPES, *language.RECIPES]
