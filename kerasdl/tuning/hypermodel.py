"""A recipe for whoever uses KerasTuner itself."""

import keras_tuner

from kerasdl import data, registry
from kerasdl.recipes import spaces, training
from kerasdl.recipes.recipe import Recipe
from kerasdl.tuning import parameters


class RecipeHyperModel(keras_tuner.HyperModel):
    """A recipe's model, compiled, as a function of its space; for any of KerasTuner's tuners.

    What it takes from the space is what a model is built and compiled from; batches and
    augmentation belong to the data that `search` gets.

    Args:
        recipe: What is tuned.
        splits: Its data, of `kerasdl.recipes.training.load_data`.

    Spec: HPO-14
    """

    def __init__(self, recipe: Recipe, splits: data.Splits, only: tuple[str, ...] = ()):
        super().__init__(name=recipe.name)
        self.recipe, self.splits = recipe, splits
        found = parameters.parameters_of(recipe, splits.info, only)
        self.parameters = tuple(p for p in found if p.field not in ("batch_size", "augment"))

    def build(self, hp):
        recipe = self.recipe
        values = parameters.declare(hp, self.parameters, recipe)
        recipe = spaces.change(recipe, self.parameters, values)
        task = training.task_of(recipe)
        options = {**task.model_options(self.splits.info), **recipe.model_options}
        model = registry.create_model(recipe.model, **options)
        task.compile(model, recipe, int(self.splits.train.cardinality()))
        return model
