"""Make the data, the task and the model of a recipe, for training and everything after it."""

import dataclasses
import functools
from typing import Protocol

import keras

from kerasdl import data, errors, registry, tasks
from kerasdl.data import loading
from kerasdl.data.sharing import Share
from kerasdl.runs import transfer
from kerasdl.tasks.task import MakeOptimizer, Task
from kerasdl.training import optimizer as optimizers
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
    optimizer: str
    patience: int | None
    start: str | None
    freeze: str
    head_epochs: int | None
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
    options = recipe.data_options
    if loading.is_table(recipe.data):
        options = {**tasks.get(recipe.task).table_options, **options}
    splits = data.load(
        recipe.data,
        batch_size=recipe.batch_size,
        image_size=recipe.image_size,
        augment=recipe.augment,
        seed=recipe.seed,
        share=share,
        **options,
    )
    if not fast:
        return splits
    few = {n: d and d.take(1) for n in SPLITS for d in [getattr(splits, n)]}
    return dataclasses.replace(splits, **few)


def task_for(recipe: Recipe, info: data.Info) -> Task:
    """Make the task of a recipe for a dataset; raise `InvalidInput` if they do not match."""
    return tasks.create(recipe.task, info, recipe.task_options)


def optimizer_for(
    recipe: Recipe, steps: int, head_epochs: int = 0, has_head: bool = False
) -> MakeOptimizer:
    """Return a function that makes the recipe's optimizer.

    Args:
        recipe: `kerasdl.recipes.Recipe`.
        steps: int, steps in an epoch.
        head_epochs: int, the first epochs, which train only the head; the others have a lower
            learning rate.
        has_head: bool, whether the last kernel is a head, which Muon leaves to AdamW.
    """
    muon = functools.partial(optimizers.muon, exclude_last=has_head)
    make = {"adamw": optimizers.adamw, "muon": muon}[recipe.optimizer]
    return functools.partial(
        _optimizer,
        make,
        recipe.learning_rate,
        epochs=recipe.epochs,
        steps=steps,
        warmup=recipe.warmup,
        weight_decay=recipe.weight_decay,
        head_epochs=head_epochs,
    )


def _optimizer(make, default_rate, learning_rate=None, **options):
    return make(default_rate if learning_rate is None else learning_rate, **options)


def model_options(recipe: Recipe, task: Task) -> dict:
    """Return the arguments of the recipe's model, those that follow from the data included."""
    return {**task.model_options(), **recipe.model_options}


def compiled_model(recipe: Recipe, task: Task, steps: int) -> keras.Model:
    """Make a new, compiled model of the recipe; an epoch has `steps` steps.

    Raises:
        InvalidInput: if the recipe's model does not suit the task.
    """
    if not recipe.model.startswith(registry.APPLICATIONS):
        known = registry.options_of(recipe.model)
        if missing := [option for option in task.model_options() if option not in known]:
            expected = f"one with the options {' and '.join(task.model_options())}"
            received = f"{recipe.model}, without {missing[0]}"
            raise errors.InvalidInput(f"model for {task.title}", expected, received)
    options = model_options(recipe, task)
    try:
        model = registry.create_model(recipe.model, dtype=recipe.dtype_policy, **options)
    except errors.InvalidInput as error:
        shape = tuple(task.info.shape)
        if len(shape) == 3 or "`input_shape`" not in str(error):
            raise
        expected = f"one for inputs of shape {shape}, such as mlp (`--model mlp`)"
        raise errors.InvalidInput(f"model for {task.info.name}", expected, recipe.model) from None
    task.check_model(model)
    if recipe.start:
        transfer.load_weights(model, task, recipe.start)
    transfer.freeze(model, task, recipe.freeze)
    compile_model(model, recipe, task, steps, recipe.head_epochs or 0)
    return model


def head_first(recipe: Recipe, task: Task) -> list[transfer.HeadFirst]:
    """Return the callback of the recipe's `head_epochs`, or none."""
    if not recipe.head_epochs:
        return []
    if recipe.head_epochs >= recipe.epochs:
        expected = f"fewer than the {recipe.epochs} epochs, to train all layers after the head"
        raise errors.InvalidInput("value for `head_epochs`", expected, recipe.head_epochs)
    return [transfer.HeadFirst(task, recipe.head_epochs)]


def early_stopping(
    recipe: Recipe, task: Task, splits: data.Splits
) -> list[keras.callbacks.EarlyStopping]:
    """Return the callback of the recipe's `patience`, or none.

    Raises:
        InvalidInput: if the validation loss does not show when to stop.
    """
    if not recipe.patience:
        return []
    if not task.early_stopping:
        expected = f"None for {task.title}, whose losses rise and fall"
        raise errors.InvalidInput("value for `patience`", expected, recipe.patience)
    if not splits.validation:
        expected = "data with a validation split (`--validation 0.2` makes one)"
        raise errors.InvalidInput("data for `patience`", expected, f"{recipe.data}, without")
    stop = keras.callbacks.EarlyStopping(
        "val_loss",
        patience=recipe.patience,
        restore_best_weights=True,
        start_from_epoch=recipe.head_epochs or 0,
    )
    return [stop]


def check_model(model: keras.Model, recipe: Recipe, task: Task):
    """Raise `InvalidInput` if the recipe cannot have trained a loaded model."""
    registry.check_name(recipe.model)
    if recipe.model.startswith(registry.APPLICATIONS):
        task.check_model(model)
        return
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


def compile_model(model: keras.Model, recipe: Recipe, task: Task, steps: int, head_epochs: int = 0):
    """Compile a model with the recipe's optimizer; see `optimizer_for`."""
    task.compile(
        model,
        optimizer_for(recipe, steps, head_epochs, task.has_head),
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=recipe.jit_compile,
    )
