"""One training run: data, model, fit, judgement, pictures; stopped at any time, it goes on."""

import contextlib
import csv
import dataclasses
import importlib
import pathlib
import signal
import sys
import time

import keras
import tensorflow as tf

import kerasdl
from kerasdl import data, errors, registry, seed
from kerasdl.recipes import fitting, lock
from kerasdl.recipes.checkpoint import Checkpoint
from kerasdl.recipes.progress import ProgressBar
from kerasdl.recipes.recipe import Recipe
from kerasdl.recipes.replicas import Replicas
from kerasdl.recipes.run import Run, write_json
from kerasdl.recipes.stopping import Stopping

SPLITS = ("train", "validation", "test")


class Interrupted(KeyboardInterrupt):
    """A signal: the folder holds a checkpoint, and the same command goes on from it."""

    def __init__(self, message, number):
        super().__init__(message)
        self.status = 128 + number  # as shells have it


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


def train(
    recipe: Recipe,
    out: str | pathlib.Path,
    *,
    fast=False,
    progress=True,
    strategy="auto",
    save_seconds=5.0,
    callbacks=(),
    pictures=True,
) -> Run | None:
    """Run `recipe` into the folder `out`, or go on with what stopped there.

    Of several workers all train, and the chief alone writes and gives a `Run`. `callbacks` are
    Keras's, besides a run's own; without `pictures` no figures and examples are made.
    """
    recipe = recipe.replace(epochs=1) if fast else recipe
    run = Run(pathlib.Path(out))
    if _claim(run, recipe):
        return run
    replicas = Replicas.of(strategy)
    with lock.hold(run.path) if replicas.chief else contextlib.nullcontext():
        _train(run, recipe, fast, progress, replicas, save_seconds, callbacks, pictures)
    return run if replicas.chief else None


def _train(run, recipe, fast, progress, replicas, save_seconds, more, pictures):
    seed.set_seed(recipe.seed)
    splits = load_data(recipe, fast, None if fast else replicas.share)
    if splits.info.skipped and replicas.chief:
        print(splits.info.skipped, file=sys.stderr)
    with splits.naming_bad():
        _train_on(splits, run, recipe, fast, progress, replicas, save_seconds, more, pictures)


def _train_on(splits, run, recipe, fast, progress, replicas, save_seconds, more, pictures):
    task = task_of(recipe)
    options = {**task.model_options(splits.info), **recipe.model_options}
    train_data = task.prepare(splits.train, splits.info)
    validation_data = splits.validation and task.prepare(splits.validation, splits.info)
    steps = int(train_data.cardinality())
    if not fast:
        count = splits.info.counts["train"]
        steps = -(-count // recipe.batch_size)
        train_data = replicas.pipeline(train_data, count, recipe.batch_size)
    with replicas.scope():
        model = registry.create_model(recipe.model, **options)
        task.compile(model, recipe, steps)

    if replicas.chief:
        (run.path / "checkpoints").mkdir(exist_ok=True)
        config = {
            "recipe": recipe.to_json(),
            "info": {**dataclasses.asdict(splits.info), "files": None},
            "fast": fast,
            "versions": {m.__name__: m.__version__ for m in (kerasdl, keras, tf)},
        }
        write_json(run.path / "config.json", config)
    checkpoint = Checkpoint(
        run.path / "checkpoints", save_seconds, replicas.chief, None if replicas.several else steps
    )
    checkpoint.restore(model, train_data)
    replicas.agree(checkpoint.epoch, f"epochs that each worker finds saved in {run.path}")
    callbacks = [splits.order_callback(), checkpoint, *more]
    stopping = Stopping(checkpoint)
    callbacks += [] if replicas.several else [stopping]
    if replicas.chief:
        callbacks.append(keras.callbacks.TensorBoard(run.path / "events", write_graph=False))
    bars = [ProgressBar(recipe.name, recipe.epochs)] if progress and replicas.chief else []
    begin = time.perf_counter()
    try:
        listening = contextlib.nullcontext() if replicas.several else stopping.listening()
        with replicas.synchronized(model), listening:
            fitting.fit(
                model,
                train_data,
                validation_data,
                epochs=recipe.epochs,
                steps=steps,
                checkpoint=checkpoint,
                rest=lambda step: task.prepare(splits.rest(step), splits.info),
                callbacks=[*callbacks, *bars],
            )
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. {checkpoint.kept()} are kept in {run.path}; "
            "the same command goes on from there.",
            stopping.signals[0] if stopping.signals else signal.SIGINT,
        ) from None
    finally:
        for bar in bars:
            bar.stop()
    seconds = time.perf_counter() - begin
    if replicas.chief:
        _write_history(run.path / "history.csv", checkpoint.history)
    model = replicas.save(model, run.path / "model.keras")
    if model:
        metrics = {"test": task.evaluate(model, splits.test)}
        metrics["seconds"] = round(seconds, 1)
        metrics["parameters"] = model.count_params()
        if pictures:
            draw(run.path, task.figures(model, splits, run.history))
            task.examples(model, splits, run.path / "examples")
        write_json(run.path / "metrics.json", metrics)  # last: this makes a run finished
    replicas.wait()


def _claim(run, recipe):
    """True when the folder already holds this run, finished; refuse another's folder."""
    if not (run.path / "config.json").exists():
        if run.path.is_dir() and any(file.name != lock.NAME for file in run.path.iterdir()):
            raise errors.InvalidInput("output folder", "a new, empty or run folder", run.path)
        return False
    if run.recipe != recipe:
        old, new = run.recipe.to_json(), recipe.to_json()
        changed = ", ".join(f"{k}={old[k]!r}" for k in new if old[k] != new[k])
        expected = f"a new folder (give another --out): {run.path} holds a run with {changed}"
        raise errors.InvalidInput("output folder", expected, run.path)
    return run.finished


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
