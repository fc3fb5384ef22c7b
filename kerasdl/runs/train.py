"""Train a recipe into a run folder."""

import contextlib
import dataclasses
import pathlib
import shutil
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

import kerasdl
from kerasdl import errors, seed
from kerasdl.runs import folder as files
from kerasdl.runs import numerics, prepare
from kerasdl.runs.run import Run, recipe_in
from kerasdl.training import lock
from kerasdl.training.replicas import Replicas
from kerasdl.training.trainer import (
    CHECKPOINTS,
    EVENTS,
    STOPPED,
    Interrupted,
    Pipelines,
    Trainer,
)
from kerasdl.utils import checks, plain_text, types
from kerasdl.utils.files import write_json


def train(
    recipe: prepare.Recipe,
    out: str | pathlib.Path,
    *,
    fast: bool = False,
    progress: bool = True,
    strategy: str = "auto",
    save_seconds: float | None = None,
    deterministic: bool = False,
    on_nan: types.OnNaN = "stop",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    pictures: bool = True,
) -> Run | None:
    """Train a recipe into a folder, or resume the interrupted run in it.

    Several workers train together; only the chief writes, and returns a `Run`.

    Args:
        recipe: `kerasdl.recipes.Recipe`.
        out: The run folder: new, empty, or with a run of the same recipe.
        callbacks: Keras callbacks in addition to those of every run.

    The other arguments are those of `Recipe.run`.

    Example:
        >>> import tempfile
        >>> from kerasdl import recipes
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     recipe = recipes.get("mlp")
        ...     run = train(recipe, f"{folder}/run", fast=True, progress=False, pictures=False)
        ...     print(list(run.metrics["test"]))
        ['accuracy', 'cross_entropy']
    """
    checks.numbers(save_seconds=save_seconds, at_least=0, optional=True)
    checks.choices(("stop", "lower"), on_nan=on_nan)
    if fast:  # one epoch has no two parts
        recipe = dataclasses.replace(recipe, epochs=1, head_epochs=None)
    run = Run(pathlib.Path(out), recipe)
    if _is_done(run, recipe, deterministic):
        return run
    replicas = Replicas.of(strategy)
    seed.set_seed(recipe.seed, deterministic)
    splits = prepare.load_data(recipe, fast, None if fast else replicas.share)
    if splits.info.skipped and replicas.chief:
        plain_text.tell(splits.info.skipped)
    if progress and replicas.chief:
        for note in splits.info.notes:
            plain_text.tell(note)
    task = prepare.task_for(recipe, splits.info)
    early = prepare.early_stopping(recipe, task, splits)
    callbacks = [*callbacks, *early, *prepare.head_first(recipe, task)]
    pipelines = _pipelines(splits, task, recipe, fast, replicas)
    with replicas.scope():
        model = prepare.compiled_model(recipe, task, pipelines.steps)

    alone = _claimed(run, recipe, deterministic) if replicas.chief else contextlib.nullcontext()
    with alone as done, splits.naming_bad():
        if done and not replicas.several:
            return run
        if replicas.chief:
            write_json(run.path / files.CONFIG, _config(recipe, task, splits, fast, deterministic))
        trainer = Trainer(
            model,
            pipelines,
            recipe.epochs,
            run.path,
            replicas,
            title=recipe.name,
            save_seconds=save_seconds,
            on_nan=on_nan,
            callbacks=callbacks,
            progress=progress,
        )
        if not replicas.several and (run.path / files.MODEL).exists():
            trained = run.model  # the process that trained it was stopped later
        else:
            trainer.fit()
            if replicas.chief:
                files.write_history(run.path / files.HISTORY, trainer.history)
            trained = replicas.save(model, run.path / files.MODEL)
        seconds = trainer.seconds
        if trained is not None:  # this is the chief
            metrics: dict[str, Any] = {
                "test": {},
                "seconds": round(seconds, 1),
                "parameters": trained.count_params(),
                **({"lowered": trainer.lowered} if trainer.lowered else {}),
            }
            if recipe.patience:
                metrics["best_epoch"] = _best_epoch(run.history, recipe, progress)
            with _stopping(run.path):
                with files.surviving("evaluation"), splits.naming_bad():
                    metrics["test"] = task.evaluate(trained, splits.test)
                if not fast:
                    with files.surviving("baselines"), splits.naming_bad():
                        _compare(task, splits, metrics, progress)
                if pictures:
                    run.draw(task, trained, splits)
                write_json(run.path / files.METRICS, metrics)  # last: this makes the run finished
        replicas.wait()
    return run if replicas.chief else None


def _best_epoch(history, recipe, progress):
    """Return the number of the epoch that the weights are of, and print it."""
    losses = history["val_loss"]
    compared = losses[recipe.head_epochs or 0 :]
    best = len(losses) - len(compared) + compared.index(min(compared)) + 1
    if progress:
        stopped = f"Stopped after {len(losses)} of {recipe.epochs} epochs. "
        stopped = stopped if len(losses) < recipe.epochs else ""
        plain_text.tell(f"{stopped}The weights are those of epoch {best}, of the lowest val_loss.")
    return best


def _compare(task, splits, metrics, progress):
    """Measure simpler models on the same splits, and print their metrics."""
    found = task.baselines(splits)
    metrics.update({"baselines": found} if found else {})
    if progress and found:
        plain_text.tell(beside(found))


def beside(baselines: dict[str, dict[str, float]]) -> str:
    """Return a line with the metrics of simpler models, to print beside a result.

    >>> beside({"naive": {"mae": 2.0}})
    'Baselines on the same test split: naive mae 2.'
    """
    lines = [
        f"{name} {', '.join(f'{metric} {value:.4g}' for metric, value in values.items())}"
        for name, values in baselines.items()
    ]
    return f"Baselines on the same test split: {'; '.join(lines)}."


@contextlib.contextmanager
def _claimed(run: Run, recipe: prepare.Recipe, deterministic: bool) -> Iterator[bool]:
    """Lock the folder of a run, and yield whether the run is finished.

    If a training fails before anything of it is saved, what it wrote is removed.
    """
    path = run.path
    mine = path.is_dir() and not (path / files.CONFIG).exists()
    with lock.hold(path):
        # another command may have trained here while this one was loading its data
        done = _is_done(run, recipe, deterministic)
        try:
            yield done
        except BaseException:
            if not files.is_begun(path) and not (path / STOPPED).exists():  # for the doctor
                for name in (CHECKPOINTS, EVENTS):
                    shutil.rmtree(path / name, ignore_errors=True)
                for name in (files.CONFIG, files.HISTORY, lock.NAME):  # then others may begin
                    (path / name).unlink(missing_ok=True)
                if not mine:
                    with contextlib.suppress(OSError):  # it holds files of a callback
                        path.rmdir()
            raise


@contextlib.contextmanager
def _stopping(path: pathlib.Path) -> Iterator[None]:
    """If a run is interrupted after its training, print how it continues."""
    try:
        yield
    except KeyboardInterrupt:
        message = f"Stopped. {path} is trained; the same command evaluates and draws it."
        raise Interrupted(message, signal.SIGINT) from None


def _is_done(run, recipe, deterministic):
    """Return whether this run is finished in the folder; raise if the folder has other contents."""
    if not (run.path / files.CONFIG).exists():
        if run.path.is_dir() and any(file.name != lock.NAME for file in run.path.iterdir()):
            raise errors.InvalidInput("output folder", "a new, empty or run folder", run.path)
        return False
    if not files.is_begun(run.path):
        return False  # a process was killed before it saved anything
    known = recipe_in(run.path, type(recipe).from_json)
    old, new = known.to_json(), recipe.to_json()
    old["deterministic"] = run.config.get("deterministic", False)
    new["deterministic"] = deterministic
    if known != recipe or (old != new and not run.finished):
        names = [name for name in new if old[name] != new[name] and name != "summary"]
        changed = ", ".join(f"{name}={old[name]!r}" for name in names)
        expected = f"a new folder (give another --out): {run.path} holds a run with {changed}"
        raise errors.InvalidInput("output folder", expected, run.path)
    if not (run.path / files.MODEL).exists():
        numerics.check_same(run.path)
    return run.finished


def _pipelines(splits, task, recipe, fast, replicas):
    train_data = task.prepare_train(splits.train)
    validation_data = splits.validation and task.prepare(splits.validation)
    steps = int(train_data.cardinality())
    if not fast:
        count = splits.info.counts["train"]
        steps = -(-count // recipe.batch_size)
        parts = splits.info.replicas
        train_data = replicas.pipeline(train_data, count, recipe.batch_size, parts)

    def rest(step):
        return task.prepare_train(splits.rest(step))

    return Pipelines(train_data, validation_data, steps, rest, splits)


def _config(recipe, task, splits, fast, deterministic):
    weights = task.class_weights
    return {
        "recipe": recipe.to_json(),
        "info": {**dataclasses.asdict(splits.info), "files": None},
        **({"class_weights": weights} if weights else {}),
        "fast": fast,
        "deterministic": deterministic,
        "numerics": numerics.here(),
        "versions": {m.__name__: m.__version__ for m in (kerasdl, keras, tf)},
    }
