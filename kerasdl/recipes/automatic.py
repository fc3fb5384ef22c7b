"""Train on any data in a given time: look at them, choose a recipe, train it, and judge the result.

The run is an ordinary one, so everything that works on run folders works on it.
"""

import dataclasses
import hashlib
import pathlib
import time as clock
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasdl import data, diagnosis, errors, recipes
from kerasdl.recipes.recipe import Recipe
from kerasdl.runs import folder as files
from kerasdl.runs import prepare
from kerasdl.runs.run import Run, recipe_in
from kerasdl.tasks import task as tasks
from kerasdl.utils import checks, durations, plain_text

KINDS = ("classification", "tags", "regression")
SHOWN = 8  # classes that a line names
COMPARED = 50_000  # examples that are searched for duplicates
IMBALANCED = 3.0  # times that the most frequent class is as frequent as the rarest
REPEATING = 0.2  # fraction of the rows of a table from which on equal rows are natural
NETWORKS = ("resnet20", "simple_cnn")  # for images, from the most expensive to the cheapest
SIZES = (64, 32)  # heights and widths of images that are larger
TIMED = 3.0  # seconds for timing the steps of a network
SWEEP = 60  # steps of the learning-rate range test
SHORT = 0.15  # fraction of the time for training that the test may take
RATES = (3e-4, 1e-2)  # the smallest and the largest learning rate that is chosen
AFTER = 6.0  # seconds for evaluation, figures and baselines, which follow the training
PLANNED = 0.85  # fraction of the time until then that is planned for training
ENOUGH = 12  # epochs that a network must be able to train for, if there is a cheaper one
MOST = 150  # epochs
LATE = 0.9  # fraction of the epochs from which on the best one means that more would help
PATIENCE = 8  # epochs without a lower validation loss, at least
REDUCED = 16  # height and width of the images that the baselines see
MOST_ROWS = 5_000  # examples that the baselines learn from, in seconds


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a dataset holds.

    Args:
        lines: tuple of str, the facts in words.
        imbalance: float, how many times the most frequent class is as frequent as the rarest; 1
            without classes.
        leaked: int, examples of the validation and test splits that are also in the training split.
    """

    lines: tuple[str, ...]
    imbalance: float = 1.0
    leaked: int = 0


@dataclasses.dataclass(frozen=True)
class Choice:
    """A recipe for a dataset.

    Args:
        recipe: `kerasdl.recipes.Recipe`.
        facts: `Facts` of the dataset.
        reasons: tuple of str, what was chosen and why.
    """

    recipe: Recipe
    facts: Facts
    reasons: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What `fit` returns.

    Args:
        run: `kerasdl.runs.Run`, finished.
        facts: `Facts` of the dataset.
        reasons: tuple of str, what was chosen and why; empty for a run that was continued.
        baselines: dict, the metrics of simpler models on the same splits, by name.
        verdict: tuple of str, the result in words and what to do next.
    """

    run: Run
    facts: Facts
    reasons: tuple[str, ...]
    baselines: dict[str, dict[str, float]]
    verdict: tuple[str, ...]


def fit(
    source: Any,
    *,
    time: str = "3m",
    out: str | pathlib.Path | None = None,
    seed: int = 0,
    image_size: int | None = None,
    progress: bool = True,
    show: Callable[[str], object] = plain_text.tell,
    **options,
) -> Fitted:
    """Choose a recipe for a dataset, train it for at most some time, and judge the result.

    The folder of an interrupted training is continued with the recipe in it.

    Args:
        source: What `kerasdl.data.load` takes: images, tables or arrays, with a class, tags or
            numbers for each.
        time: str, time for everything, such as "90s", "3m" or "1h". On a machine that becomes
            slower, training ends after the first epoch that leaves no time for another.
        out: The run folder; by default one under `runs/`.
        seed: int, seed of the recipe.
        image_size: int, height and width to resize images to; by default chosen.
        progress: bool, whether to show a progress bar.
        show: function that gets each line of what is found, chosen and judged.
        **options: Options of `kerasdl.data.load`, such as `target` or `skip_bad`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = fit("iris", time="6s", out=f"{folder}/run", progress=False, show=len)
        ...     print(found.run.recipe.model, found.facts.lines[0])
        mlp classification of vectors of 4 numbers: 105 to train, 15 to validate, 30 to test
    """
    begin, seconds = clock.monotonic(), _seconds(time)
    checks.paths(out=out, optional=True)
    checks.callables(show=show)
    recipe = _draft(source, seed, image_size, options)
    folder = pathlib.Path(out) if out else recipe.folder()
    reasons: tuple[str, ...] = ()
    if folder.is_dir() and any(folder.iterdir()) and not (folder / files.CONFIG).exists():
        raise errors.InvalidInput("output folder", "a new, empty or run folder", folder)
    if files.is_begun(folder):
        recipe = _continued(folder, recipe)
        facts = look(prepare.load_data(recipe.replace(augment=False)))
        _show(show, (*facts.lines, f"continues the run in {folder}, of {recipe.model}"))
    else:
        choice = choose(
            source, seconds=seconds, seed=seed, image_size=image_size, show=show, **options
        )
        recipe, facts, reasons = choice.recipe, choice.facts, choice.reasons
    left = seconds - (clock.monotonic() - begin)
    run = recipe.run(folder, progress=progress, callbacks=[StopInTime(left)])
    if run is None or not run.metrics["test"]:
        raise errors.InvalidInput("evaluation of the run", "test metrics", "none")
    found = baselines(run)
    verdict = judge(run, facts, found)
    _show(show, verdict)
    return Fitted(run, facts, reasons, found, verdict)


def _seconds(time):
    checks.check("time", time, time is not None, "a number and a unit, such as 3m")
    return durations.seconds_of(time) or 0.0


def _for_training(left):
    """Return how many of the remaining seconds are planned for training."""
    return PLANNED * max(left - AFTER, 0.0)


def _show(show, lines):
    for line in lines:
        show(line)


def _draft(source, seed, image_size, options):
    """Return a recipe with the data alone; the network and its training are chosen later."""
    base = recipes.get("mlp")
    name = source if isinstance(source, str) else "data in memory"
    recipe = base.replace(data=source, seed=seed, image_size=image_size, data_options=options)
    return dataclasses.replace(
        recipe, name="fit", summary=f"chosen for {name}", augment=False, bars=(), space=()
    )


def _continued(folder, recipe):
    """Return the recipe of the run in a folder, if it is one of the same data."""
    known = recipe_in(folder, Recipe.from_json)
    if (known.name, known.data, known.seed) != (recipe.name, str(recipe.data), recipe.seed):
        expected = f"a new folder (give another --out): {folder} holds a run on {known.data}"
        raise errors.InvalidInput("output folder", expected, folder)
    return dataclasses.replace(known, data=recipe.data)


class StopInTime(keras.callbacks.Callback):
    """Stop training after an epoch if another would end after the time.

    Args:
        seconds: float, time for the training and what follows it.
    """

    def __init__(self, seconds: float):
        super().__init__()
        self.end = clock.monotonic() + max(seconds - AFTER, 0.0)
        self.begin = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = clock.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        now = clock.monotonic()
        if now + (now - self.begin) > self.end:
            self.model.stop_training = True


# ------------------------------------------------------------------------------------- the data


def look(splits: data.Splits) -> Facts:
    """Describe a dataset: its task and sizes, classes, duplicates and leakage between splits.

    Args:
        splits: `kerasdl.data.Splits`, loaded without augmentation.

    Raises:
        InvalidInput: if the data are not for a classifier or a regression.

    Example:
        >>> print(look(data.load("wine")).lines[1])
        3 classes: class_1 50, class_0 42, class_2 34
    """
    info = splits.info
    if info.task not in KINDS or not info.shape or isinstance(info.shape[0], tuple):
        expected = "a class, tags or numbers for each image, series or row"
        if info.task == "text":
            expected += f" (for a text: kerasdl train lstm_lm --data {info.name})"
        raise errors.InvalidInput(
            "data to fit", expected, f"{info.name}, which is {info.task} data"
        )
    shape = " x ".join(map(str, info.shape))
    kinds = {1: f"vectors of {shape} numbers", 3: f"images of {shape}"}
    kind = kinds.get(len(info.shape), f"arrays of {shape} numbers")
    kind = f"rows of {len(info.columns)} columns" if info.columns and info.target else kind
    verbs = zip(prepare.SPLITS, ("train", "validate", "test"), strict=True)
    counts = ", ".join(f"{info.counts[split]:,} to {verb}" for split, verb in verbs)
    imbalance, classes = _classes(info)
    repeated, leaked = _duplicates(splits)
    lines = (f"{info.task} of {kind}: {counts}", *classes, *repeated)
    return Facts(lines, imbalance, leaked)


def _classes(info):
    """Return how imbalanced the classes are, and lines about them."""
    if not info.classes:
        return 1.0, ()
    more = ", ..." if len(info.classes) > SHOWN else ""
    if not info.class_counts:
        what = "tags" if info.task == "tags" else "classes"
        return 1.0, (f"{len(info.classes)} {what}: {', '.join(info.classes[:SHOWN])}{more}",)
    pairs = zip(info.classes, info.class_counts, strict=True)
    named = sorted(pairs, key=lambda pair: -pair[1])
    shown = ", ".join(f"{name} {count:,}" for name, count in named[:SHOWN])
    lines = (f"{len(named)} classes: {shown}{more}",)
    (most, many), (rarest, few) = named[0], named[-1]
    imbalance = many / max(few, 1)
    if imbalance >= IMBALANCED:
        lines += (f"imbalanced: {imbalance:.1f} times as many of {most} as of {rarest}",)
    return imbalance, lines


def _duplicates(splits):
    """Return lines about equal examples, and how many of other splits are also trained on."""
    info = splits.info
    if sum(info.counts.values()) > COMPARED:
        return (f"more than {COMPARED:,} examples, not searched for duplicates",), 0
    train, *others = ([*_digests(getattr(splits, split))] for split in prepare.SPLITS)
    labels: dict[bytes, set] = {}
    for digest, label in train:
        labels.setdefault(digest, set()).add(label)
    again = len(train) - len(labels)
    if len(info.shape) == 1 and again > REPEATING * len(train):
        return (f"{len(labels):,} different rows among {len(train):,} to train on",), 0
    lines = ()
    if again:
        lines += (f"duplicates: {again:,} examples to train on repeat others",)
    if disputed := sum(len(each) > 1 for each in labels.values()):
        lines += (f"contradictions: {disputed:,} equal examples have different targets",)
    leaked = 0
    for split, digests in zip(prepare.SPLITS[1:], others, strict=True):
        rows = [row for row, (digest, _) in enumerate(digests) if digest in labels]
        leaked += len(rows)
        if rows:
            names = (info.files or {}).get(split)
            such = f", such as {names[rows[0]]}" if names and len(names) == len(digests) else ""
            of = f"{len(rows):,} of {len(digests):,} examples of the {split} split"
            lines += (f"leakage: {of} are also trained on{such}",)
    return lines or ("no two examples are equal",), leaked


def _digests(dataset):
    """Yield a digest of the inputs and one of the target of each example."""
    for inputs, targets in dataset.as_numpy_iterator() if dataset is not None else ():
        for example, target in zip(inputs, targets, strict=True):
            content = np.ascontiguousarray(example).tobytes()
            yield hashlib.blake2b(content, digest_size=16).digest(), target.tobytes()


# ----------------------------------------------------------------------------------- the recipe


def choose(
    source: Any,
    *,
    seconds: float = 180.0,
    seed: int = 0,
    image_size: int | None = None,
    show: Callable[[str], object] = plain_text.tell,
    **options,
) -> Choice:
    """Choose a network, image size, learning rate and number of epochs for a dataset and a time.

    Of the networks for images, the first is chosen that can train for enough epochs in the time, by
    the time that its steps take on this machine. The learning rate is that of
    `kerasdl.diagnosis.lr_find`. Training ends early when the validation loss no longer falls.

    Args:
        source: What `kerasdl.data.load` takes.
        seconds: float, time for the choice, training and evaluation.
        seed: int, seed of the recipe.
        image_size: int, height and width to resize images to; by default chosen.
        show: function that gets each line of what is found and chosen.
        **options: Options of `kerasdl.data.load`, such as `target`.
    """
    begin = clock.monotonic()
    checks.numbers(seconds=seconds, above=0)
    recipe = _draft(source, seed, image_size, options)
    splits = prepare.load_data(recipe)
    facts = look(splits)
    _show(show, facts.lines)

    candidates = _candidates(recipe, splits.info, facts)
    for number, recipe in enumerate(candidates):
        timed = _Timed(recipe)
        left = _for_training(seconds - (clock.monotonic() - begin))
        if number + 1 == len(candidates) or left >= ENOUGH * timed.epoch:
            break
    reasons = [_network(recipe, timed, number)]
    if recipe.augment:
        reasons.append(f"augmentation {recipe.augment}, because the inputs are images")
    if recipe.augment == "standard":
        reasons.append("(it mirrors; if left and right matter: kerasdl train --augment light)")
    if recipe.task_options.get("class_weights"):
        reasons.append("balanced class weights, because the classes are imbalanced")
    rate, how = None, "a default, because there is no time for lr_find"
    if SWEEP * timed.step < SHORT * left:
        rate = timed.learning_rate()
        how = "by lr_find" if rate else "a default, because the loss falls clearly at no other"
    recipe = dataclasses.replace(recipe, learning_rate=rate or recipe.learning_rate)
    reasons.append(f"learning rate {recipe.learning_rate:.2g}, {how}")

    left = _for_training(seconds - (clock.monotonic() - begin))
    epochs = int(min(max(left / timed.epoch, 1), MOST))
    patience = max(PATIENCE, epochs // 4) if splits.validation else None
    recipe = dataclasses.replace(
        recipe, epochs=epochs, patience=patience, warmup=min(recipe.warmup, epochs / 5)
    )
    early = f"; it ends after {patience} without a lower validation loss" if patience else ""
    reasons.append(f"{epochs} epochs of {timed.epoch:.2g} s{early}")
    if epochs < ENOUGH:
        reasons.append(f"the time is short: {ENOUGH} epochs or more would be better")
    _show(show, reasons)
    return Choice(recipe, facts, tuple(reasons))


def _candidates(recipe, info, facts):
    """Return recipes for the data, from the most expensive to the cheapest."""
    batch_size = 32 if info.counts["train"] < 2000 else 64
    task_options = {}
    if facts.imbalance >= IMBALANCED:
        task_options["class_weights"] = "balanced"
    changes = {"batch_size": batch_size, "task_options": task_options}
    if len(info.shape) != 3:
        return [dataclasses.replace(recipe, **changes)]
    changes["augment"] = "standard" if info.shape[2] == 3 else "light"
    side = max(info.shape[:2])
    smaller = [size for size in SIZES if size < side] if not recipe.image_size else []
    sizes = [*([recipe.image_size] if side <= SIZES[0] or recipe.image_size else []), *smaller]
    pairs = [(NETWORKS[0], size) for size in sizes] + [(NETWORKS[-1], sizes[-1])]
    return [
        dataclasses.replace(
            recipe,
            model=model,
            image_size=size,
            learning_rate=recipes.get(model).learning_rate,
            **changes,
        )
        for model, size in pairs
    ]


def _network(recipe, timed, number):
    size = " x ".join(map(str, timed.shape))
    inputs = f", images of {size}" if len(timed.shape) == 3 else ""
    why = "; larger takes too long" if number else ""
    return f"network {recipe.model}{inputs}, batches of {recipe.batch_size}{why}"


class _Timed:
    """A model of a recipe that was compiled to time its steps.

    Attributes:
        shape: tuple, of an input.
        step: float, seconds of a training step.
        epoch: float, seconds of an epoch with its validation.
    """

    def __init__(self, recipe: Recipe):
        splits = prepare.load_data(recipe)
        task = prepare.task_for(recipe, splits.info)
        self.train = task.prepare_train(splits.train)
        self.shape = splits.info.shape
        steps = int(self.train.cardinality())
        keras.utils.set_random_seed(recipe.seed)
        self.model = prepare.compiled_model(recipe, task, steps)
        self.weights = self.model.get_weights()
        at_once = min(recipe.steps_per_execution, steps)
        first = self._seconds(at_once, steps)
        count = min(steps, at_once * max(1, int(TIMED / first)))
        again = first if count == at_once else self._seconds(count, steps)
        self.step = again / count
        # a step of validation takes a third of one of training
        counts = splits.info.counts
        self.epoch = self.step * steps * (1 + counts["validation"] / counts["train"] / 3)

    def _seconds(self, count, steps):
        """Return the seconds of some steps; those of the first time, which traces, do not count."""
        ends: list[float] = []
        note = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: ends.append(clock.monotonic())
        )
        # the end of an epoch of few steps takes longer than the steps
        whole = count == steps
        self.model.fit(
            self.train if whole else self.train.repeat(),
            steps_per_epoch=None if whole else count,
            epochs=2,
            callbacks=[note],
            shuffle=False,
            verbose=0,
        )
        return ends[1] - ends[0]

    def learning_rate(self):
        """Return the learning rate that `lr_find` suggests, within limits, or None."""
        self.model.set_weights(self.weights)
        found = diagnosis.lr_find(self.model, self.train, low=1e-5, steps=SWEEP).suggestion
        return found and float(np.clip(found, *RATES))


# ------------------------------------------------------------------------------------ the result


def baselines(run: Run) -> dict[str, dict[str, float]]:
    """Return the test metrics of simpler models on the splits of a run, by name.

    They are those that the run has measured itself. Or else they are the most frequent class, or
    the mean, and a linear model of the inputs, in which images are reduced to 16 x 16 pixels; for
    vectors also boosted trees.

    Args:
        run: `kerasdl.runs.Run` of a classification, tags or a regression.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = recipes.get("mlp").replace(data="wine").run(folder, fast=True, progress=False)
        ...     print(list(baselines(run)))
        ['most frequent class', 'linear model', 'boosted trees']
    """
    if known := run.metrics.get("baselines"):
        return known
    from sklearn import ensemble, exceptions, linear_model, multiclass

    splits, task = run.load_data(), run.info.task
    inputs, targets = tasks.gather(splits.train, MOST_ROWS)
    inputs = _reduced(inputs)
    models: dict[str, Any] = {}
    if task == "regression":
        mean = targets.mean(axis=0)
        ridge = linear_model.Ridge().fit(inputs, targets)
        found = {"mean": lambda x: np.broadcast_to(mean, (len(x), len(mean)))}
        found["linear model"] = lambda x: ridge.predict(x).reshape(len(x), -1)
    elif task == "tags":
        frequency = np.clip(targets.mean(axis=0), 1e-6, 1 - 1e-6)
        logits = np.log(frequency / (1 - frequency)).astype("float32")
        found = {"most frequent tags": lambda x: np.tile(logits, (len(x), 1))}
        models["linear model"] = multiclass.OneVsRestClassifier(linear_model.LogisticRegression())
    else:
        count = len(run.info.classes or ())
        frequency = np.bincount(targets, minlength=count) / len(targets)
        logits = np.log(np.clip(frequency, 1e-6, 1)).astype("float32")
        found = {"most frequent class": lambda x: np.tile(logits, (len(x), 1))}
        if np.count_nonzero(frequency) > 1:
            models["linear model"] = linear_model.LogisticRegression(max_iter=300)
            if len(run.info.shape) == 1:
                models["boosted trees"] = ensemble.HistGradientBoostingClassifier(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # a tag that all or no examples have
        for name, model in models.items():
            found[name] = _logits(model.fit(inputs, targets), targets)
    return {
        name: run.task.measure({"model": lambda x, f=f: f(_reduced(x))}, run.model, splits)
        for name, f in found.items()
    }


def _reduced(inputs):
    """Return inputs as vectors; images are made small first."""
    if inputs.ndim == 4:
        size = [min(side, REDUCED) for side in inputs.shape[1:3]]
        inputs = tf.image.resize(inputs, size, method="area").numpy()
    return inputs.reshape(len(inputs), -1)


def _logits(model, targets):
    """Return a function from inputs to the logits of all classes or tags."""

    def logits(inputs):
        if targets.ndim == 2:
            return model.decision_function(inputs).astype("float32")
        found = np.full((len(inputs), int(model.classes_.max()) + 1), -1e3, "float32")
        found[:, model.classes_] = np.log(np.clip(model.predict_proba(inputs), 1e-12, 1))
        return found

    return logits


def judge(run: Run, facts: Facts, baselines: dict[str, dict[str, float]]) -> tuple[str, ...]:
    """Compare a finished run with baselines, and say what to do next.

    Args:
        run: `kerasdl.runs.Run`.
        facts: `Facts` of its data.
        baselines: dict, metrics by the name of a model, as `baselines` returns them.
    """
    name = "r2" if run.info.task == "regression" else run.task.metrics[0].name
    test, count = run.metrics["test"][name], run.info.counts["test"]
    best = max(metrics[name] for metrics in baselines.values())
    better = test > best + _margin(name, test, count)
    how = "better than" if better else "hardly better than" if test > best else "no better than"
    lines = [f"result: {name} {test:.3f} on {count:,} test examples, {how} the best baseline"]
    lines.append(f"baselines: {', '.join(f'{k} {v[name]:.3f}' for k, v in baselines.items())}")
    trained = len(run.history["loss"])
    if facts.leaked:
        lines.append("next: remove the examples that are in two splits; the result is too good")
    if not better:
        lines.append(f"next: kerasdl doctor {run.path}, which looks for the cause; or more data")
    elif trained < MOST and run.metrics.get("best_epoch", 0) >= LATE * trained:
        lines.append("next: more time (--time), because the validation loss was still falling")
    if better and (len(run.info.shape) == 3 or run.info.columns):
        lines.append(f"use it: kerasdl predict {run.path} FILES --out answers.csv")
    if better:
        lines.append(f"for a phone: kerasdl compress {run.path}")
    return tuple(lines)


def _margin(name, value, count):
    """Return the standard error of an accuracy; of other metrics it is not known."""
    return float(np.sqrt(value * (1 - value) / max(count, 1))) if name == "accuracy" else 0.0
