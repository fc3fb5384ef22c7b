# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.tuning import oracles as oracles
from kerasdl.tuning.parameters import RecipeHyperModel as RecipeHyperModel
from kerasdl.tuning.search import Search as Search
from kerasdl.tuning.search import tune as tune
