"""Make the data, the task and the model of a recipe, for training and everything after it."""

import dataclasses
import functools
from typing import Protocol

import keras

from kerasdl import data, errors, registry, tasks
from kerasdl.data.sharing import Share
from kerasdl.tasks.task import MakeOptimizer, Task
from kerasdl.training.optimizer import adamw
from kerasdl.utils.files import tupled


@dataclasses.dataclass(frozen=True, match_args=False)
class Recipe(Protocol):
    """The parts of `kerasdl.recipes.Recipe` that a run uses; this package cannot import it."""

    name: str
    task: str
    model: str
    data: str
    epochs: int
    batch_size: int
    augment: str | bool
    learning_rate: float
    warmup: float
    weight_decay: float
    steps_per_execution: int
    dtype_policy: str
    jit_compile: bool | str
    seed: int
    image_size: int | None
    data_options: dict
    model_options: dict
    task_options: dict
    bars: tuple

    def replace(self, **changes) -> "Recipe": ...

    def to_json(self) -> dict: ...


SPLITS = ("train", "validation", "test")


def load_data(recipe: Recipe, fast: bool = False, share: Share | None = None) -> data.Splits:
    """Load the dataset of a recipe.

    Args:
        recipe: `kerasdl.recipes.Recipe`.
        fast: bool, whether to keep only the first batch of each split.
        share: The part of each training batch that this process reads, with several replicas.
    """
    splits = data.load(
        recipe.data,
        batch_size=recipe.batch_size,
        image_size=recipe.image_size,
        augment=recipe.augment,
        seed=recipe.seed,
        share=share,
        **recipe.data_options,
    )
    if not fast:
        return splits
    few = {n: d and d.take(1) for n in SPLITS for d in [getattr(splits, n)]}
    return dataclasses.replace(splits, **few)


def task_for(recipe: Recipe, info: data.Info) -> Task:
    """Make the task of a recipe for a dataset; raise `InvalidInput` if they do not match."""
    return tasks.create(recipe.task, info, recipe.task_options)


def optimizer_for(recipe: Recipe, steps: int) -> MakeOptimizer:
    """Return a function that makes the recipe's optimizer; an epoch has `steps` steps."""
    return functools.partial(
        _optimizer,
        recipe.learning_rate,
        epochs=recipe.epochs,
        steps=steps,
        warmup=recipe.warmup,
        weight_decay=recipe.weight_decay,
    )


def _optimizer(default_rate, learning_rate=None, **options):
    return adamw(default_rate if learning_rate is None else learning_rate, **options)


def model_options(recipe: Recipe, task: Task) -> dict:
    """Return the arguments of the recipe's model, those that follow from the data included."""
    return {**task.model_options(), **recipe.model_options}


def compiled_model(recipe: Recipe, task: Task, steps: int) -> keras.Model:
    """Make a new, compiled model of the recipe; an epoch has `steps` steps."""
    options = model_options(recipe, task)
    model = registry.create_model(recipe.model, dtype=recipe.dtype_policy, **options)
    compile_model(model, recipe, task, steps)
    return model


def check_model(model: keras.Model, recipe: Recipe, task: Task):
    """Raise `InvalidInput` if the recipe cannot have trained a loaded model."""
    errors.one_of("model of the run", recipe.model, registry.list_models())
    policy = model.dtype_policy.name
    if policy != recipe.dtype_policy:
        raise errors.InvalidInput("precision of the run's model", recipe.dtype_policy, policy)
    kind = registry.entries()[recipe.model].load()
    if not isinstance(model, kind):
        raise errors.InvalidInput("model of the run", kind.__name__, type(model).__name__)
    expected, given = model_options(recipe, task), getattr(model, "_arguments", {})
    for name in task.model_options():  # those that follow from the data
        if name in given and tupled(given[name]) != expected[name]:
            raise errors.InvalidInput(f"`{name}` of the run's model", expected[name], given[name])
    task.check_model(model)


def compile_model(model: keras.Model, recipe: Recipe, task: Task, steps: int):
    """Compile a model with the recipe's optimizer."""
    task.compile(
        model,
        optimizer_for(recipe, steps),
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=recipe.jit_compile,
    )
