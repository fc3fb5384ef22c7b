"""One training run: data, model, fit, judgement, pictures; stopped at any time, it goes on."""

import csv
import dataclasses
import importlib
import pathlib
import time

import keras
import tensorflow as tf

import kerasdl
from kerasdl import data, errors, registry, seed
from kerasdl.recipes.checkpoint import Checkpoint
from kerasdl.recipes.progress import ProgressBar
from kerasdl.recipes.recipe import Recipe
from kerasdl.recipes.run import Run, write_json

SPLITS = ("train", "validation", "test")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C: the folder holds a checkpoint, and the same command goes on from it."""


def task_of(recipe: Recipe):
    """The module that knows how to compile, judge and draw a task."""
    return importlib.import_module(f"kerasdl.recipes.tasks.{recipe.task}")


def load_data(recipe: Recipe, fast=False) -> data.Splits:
    splits = data.load(
        recipe.data,
        batch_size=recipe.batch_size,
        image_size=recipe.image_size,
        augment=recipe.augment,
        seed=recipe.seed,
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


def train(recipe: Recipe, out: str | pathlib.Path, *, fast=False, progress=True) -> Run:
    """Run `recipe` into the folder `out`, or go on with what stopped there."""
    recipe = recipe.replace(epochs=1) if fast else recipe
    run = Run(pathlib.Path(out))
    if _claim(run, recipe):
        return run
    seed.set_seed(recipe.seed)
    task = task_of(recipe)
    splits = load_data(recipe, fast)
    options = {**task.model_options(splits.info), **recipe.model_options}
    model = registry.create_model(recipe.model, **options)
    train_data = task.prepare(splits.train, splits.info)
    validation_data = splits.validation and task.prepare(splits.validation, splits.info)
    steps = int(train_data.cardinality())
    task.compile(model, recipe, steps)

    (run.path / "checkpoints").mkdir(parents=True, exist_ok=True)
    config = {
        "recipe": recipe.to_json(),
        "info": {**dataclasses.asdict(splits.info), "files": None},
        "fast": fast,
        "versions": {m.__name__: m.__version__ for m in (kerasdl, keras, tf)},
    }
    write_json(run.path / "config.json", config)
    seconds = _fit(run, recipe, model, splits, train_data, validation_data, progress)
    model.save(run.path / "model.keras")

    metrics = {"test": task.evaluate(model, splits.test)}
    metrics["seconds"] = round(seconds, 1)
    metrics["parameters"] = model.count_params()
    draw(run.path, task.figures(model, splits, run.history))
    task.examples(model, splits, run.path / "examples")
    write_json(run.path / "metrics.json", metrics)  # last: this is what makes a run finished
    return run


def _claim(run, recipe):
    """True when the folder already holds this run, finished; refuse another's folder."""
    if not (run.path / "config.json").exists():
        if run.path.is_dir() and any(run.path.iterdir()):
            raise errors.InvalidInput("output folder", "a new, empty or run folder", run.path)
        return False
    if run.recipe != recipe:
        old, new = run.recipe.to_json(), recipe.to_json()
        changed = ", ".join(f"{k}={old[k]!r}" for k in new if old[k] != new[k])
        expected = f"a new folder (give another --out): {run.path} holds a run with {changed}"
        raise errors.InvalidInput("output folder", expected, run.path)
    return run.finished


def _fit(run, recipe, model, splits, train_data, validation_data, progress):
    checkpoint = Checkpoint(run.path / "checkpoints")
    checkpoint.restore(model)
    bar = ProgressBar(recipe.name, recipe.epochs)
    board = keras.callbacks.TensorBoard(run.path / "events", write_graph=False)
    callbacks = [splits.order_callback(), checkpoint, board, *([bar] if progress else [])]
    begin = time.perf_counter()
    try:
        model.fit(
            train_data,
            validation_data=validation_data,
            epochs=recipe.epochs,
            initial_epoch=checkpoint.epoch,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. {checkpoint.epoch} of {recipe.epochs} epochs are kept in {run.path}; "
            "the same command goes on from there."
        ) from None
    finally:
        bar.stop()
    _write_history(run.path / "history.csv", checkpoint.history)
    return time.perf_counter() - begin


def _write_history(path, history):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        rows = zip(*history.values(), strict=True)
        writer.writerows([epoch, *row] for epoch, row in enumerate(rows, start=1))


def draw(path: pathlib.Path, figures: dict) -> list[pathlib.Path]:
    """Save figures in a run's folder."""
    import matplotlib.pyplot as plt

    folder = path / "figures"
    folder.mkdir(exist_ok=True)
    files = [folder / f"{name}.png" for name in figures]
    for file, figure in zip(files, figures.values(), strict=True):
        figure.savefig(file, dpi=120, bbox_inches="tight")
        plt.close(figure)
    return files
