"""One training run: data, model, fit, judgement, pictures; stopped at any time, it goes on."""

import contextlib
import csv
import dataclasses
import importlib
import pathlib
import sys
import time

import keras
import tensorflow as tf

import kerasdl
from kerasdl import data, errors, registry, seed
from kerasdl.recipes import fitting, lock, surviving
from kerasdl.recipes.checkpoint import Checkpoint
from kerasdl.recipes.recipe import Recipe
from kerasdl.recipes.replicas import Replicas
from kerasdl.recipes.run import Run
from kerasdl.utils import files
from kerasdl.utils.files import write_json

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Manner:
    """How to run a recipe, besides what it says; see `Recipe.run`.

    Args:
        callbacks: Keras's, besides a run's own.
        pictures: Whether to make figures and examples.
    """

    fast: bool = False
    progress: bool = True
    strategy: str = "auto"
    save_seconds: float = 5.0
    deterministic: bool = False
    on_nan: str = "stop"
    callbacks: tuple = ()
    pictures: bool = True

    def __post_init__(self):
        errors.one_of("value for `on_nan`", self.on_nan, ("stop", "lower"))


def task_of(recipe: Recipe):
    """The module that knows how to compile, judge and draw a task."""
    return importlib.import_module(f"kerasdl.recipes.tasks.{recipe.task}")


def load_data(recipe: Recipe, fast=False, share=None) -> data.Splits:
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


def optimizer(recipe: Recipe, steps: int, **options) -> keras.Optimizer:
    """AdamW whose rate warms up and then falls along a cosine to zero."""
    total = steps * recipe.epochs
    warmup = min(round(steps * recipe.warmup), total // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / max(warmup, 1),
        decay_steps=total - warmup,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, **options)


def train(recipe: Recipe, out: str | pathlib.Path, **manner) -> Run | None:
    """Run `recipe` into the folder `out`, or go on with what stopped there.

    Of several workers all train, and the chief alone writes and gives a `Run`. For the options see
    `Manner`.
    """
    manner = Manner(**manner)
    recipe = recipe.replace(epochs=1) if manner.fast else recipe
    run = Run(pathlib.Path(out))
    if _claim(run, recipe, manner):
        return run
    replicas = Replicas.of(manner.strategy)
    if replicas.several and manner.on_nan == "lower":
        expected = "stop, where there are several replicas"
        raise errors.InvalidInput("value for `on_nan`", expected, manner.on_nan)
    with lock.hold(run.path) if replicas.chief else contextlib.nullcontext():
        _train(run, recipe, manner, replicas)
    return run if replicas.chief else None


def _train(run, recipe, manner, replicas):
    seed.set_seed(recipe.seed, manner.deterministic)
    splits = load_data(recipe, manner.fast, None if manner.fast else replicas.share)
    if splits.info.skipped and replicas.chief:
        print(splits.info.skipped, file=sys.stderr)
    with splits.naming_bad():
        _train_on(splits, run, recipe, manner, replicas)


def _train_on(splits, run, recipe, manner, replicas):
    task = task_of(recipe)
    pipelines = _pipelines(splits, task, recipe, manner.fast, replicas)
    with replicas.scope():
        options = {**task.model_options(splits.info), **recipe.model_options}
        model = registry.create_model(recipe.model, **options)
        task.compile(model, recipe, pipelines.steps)
    if replicas.chief:
        (run.path / "checkpoints").mkdir(exist_ok=True)
        write_json(run.path / "config.json", _config(recipe, splits, manner))

    steps = None if replicas.several else pipelines.steps
    checkpoint = Checkpoint(
        run.path / "checkpoints", manner.save_seconds, replicas.chief, steps, recipe.epochs
    )
    checkpoint.restore(model, pipelines.train)
    replicas.agree(checkpoint.epoch, f"epochs that each worker finds saved in {run.path}")
    begin = time.perf_counter()
    surviving.fit(run, model, pipelines, checkpoint, manner, replicas)
    seconds = time.perf_counter() - begin
    if replicas.chief:
        _write_history(run.path / "history.csv", checkpoint.history)
    model = replicas.save(model, run.path / "model.keras")
    if model:
        metrics = {"test": task.evaluate(model, splits.test)}
        metrics["seconds"] = round(seconds, 1)
        metrics["parameters"] = model.count_params()
        metrics.update({"lowered": checkpoint.lowered} if checkpoint.lowered else {})
        if manner.pictures:
            draw(run.path, task.figures(model, splits, run.history))
            task.examples(model, splits, run.path / "examples")
        write_json(run.path / "metrics.json", metrics)  # last: this makes a run finished
    replicas.wait()


def _pipelines(splits, task, recipe, fast, replicas):
    train_data = task.prepare(splits.train, splits.info)
    validation_data = splits.validation and task.prepare(splits.validation, splits.info)
    steps = int(train_data.cardinality())
    if not fast:
        count = splits.info.counts["train"]
        steps = -(-count // recipe.batch_size)
        parts = splits.info.replicas
        train_data = replicas.pipeline(train_data, count, recipe.batch_size, parts)

    def rest(step):
        return task.prepare(splits.rest(step), splits.info)

    return fitting.Pipelines(train_data, validation_data, steps, rest, splits)


def _config(recipe, splits, manner):
    return {
        "recipe": recipe.to_json(),
        "info": {**dataclasses.asdict(splits.info), "files": None},
        "fast": manner.fast,
        "deterministic": manner.deterministic,
        "versions": {m.__name__: m.__version__ for m in (kerasdl, keras, tf)},
    }


def _claim(run, recipe, manner):
    """True when the folder already holds this run, finished; refuse another's folder."""
    if not (run.path / "config.json").exists():
        if run.path.is_dir() and any(file.name != lock.NAME for file in run.path.iterdir()):
            raise errors.InvalidInput("output folder", "a new, empty or run folder", run.path)
        return False
    old, new = run.recipe.to_json(), recipe.to_json()
    old["deterministic"] = run.config.get("deterministic", False)
    new["deterministic"] = manner.deterministic
    if run.recipe != recipe or (old != new and not run.finished):
        changed = ", ".join(f"{k}={old[k]!r}" for k in new if old[k] != new[k])
        expected = f"a new folder (give another --out): {run.path} holds a run with {changed}"
        raise errors.InvalidInput("output folder", expected, run.path)
    return run.finished


def _write_history(path, history):
    with files.atomic(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        rows = zip(*history.values(), strict=True)
        writer.writerows([epoch, *row] for epoch, row in enumerate(rows, start=1))


def draw(path: pathlib.Path, figures: dict) -> list[pathlib.Path]:
    """Save figures in a run's folder."""
    import matplotlib.pyplot as plt

    folder = path / "figures"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{files.safe_name(name)}.png" for name in figures]
    for file, figure in zip(paths, figures.values(), strict=True):
        with files.atomic(file) as partial:
            figure.savefig(partial, dpi=120, bbox_inches="tight")
        plt.close(figure)
    return paths
