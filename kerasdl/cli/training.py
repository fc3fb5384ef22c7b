"""`fit`, `train`, `tune` and `launch`."""

import pathlib
import sys
from typing import Annotated, Any, get_args

import typer

from kerasdl import errors
from kerasdl.cli.options import (
    Data,
    ImageSize,
    Json,
    MixedPrecision,
    RecipeName,
    SkipBad,
    Target,
    TargetTask,
    Validation,
    app,
    augmentation_of,
    network_of,
    number_or_text,
    policy_of,
    recipe_of,
    stopping,
    values,
    values_of,
)
from kerasdl.utils import plain_text, quiet, tables, types


@app.command(
    help="Look at your data, choose network, learning rate and epochs for a given time, train, and "
    "judge the result. Ctrl-C saves and stops; the same command continues."
)
def fit(
    data: Annotated[
        str,
        typer.Option(help="Your own data: a folder of images, a .csv, ... or a dataset's name."),
    ],
    time: Annotated[str, typer.Option(help="Time for everything: 90s, 3m or 1h.")] = "3m",
    target: Target = None,
    task: TargetTask = None,
    image_size: ImageSize = None,
    validation: Validation = None,
    skip_bad: SkipBad = False,
    seed: int = 0,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="Run folder; default runs/fit-...")
    ] = None,
    json: Json = False,
):
    quiet.import_tensorflow()
    from kerasdl.recipes import automatic

    options: dict[str, Any] = {"target": target, "task": task, "skip_bad": skip_bad}
    options["validation"] = number_or_text(validation)
    options = {name: value for name, value in options.items() if value}
    settings: dict[str, Any] = {"time": time, "seed": seed, "image_size": image_size, "out": out}
    lines: list[str] = []
    with stopping():
        found = automatic.fit(
            data, progress=not json, show=lines.append if json else _say, **settings, **options
        )
    if json:
        parts = {"run": str(found.run.path), "test": found.run.metrics["test"]}
        tables.print_json({**parts, "baselines": found.baselines, "lines": lines})
    else:
        _show_result(found.run, False)


def _say(line):
    print(plain_text.for_terminal(line), flush=True)


@app.command(help="Train a recipe. Ctrl-C saves and stops; the same command continues.")
def train(
    name: RecipeName,
    data: Data = None,
    target: Target = None,
    task: TargetTask = None,
    data_options: Annotated[
        list[str] | None,
        typer.Option(help="An option of the data, NAME=VALUE; may be repeated."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Another network: see `kerasdl list models`; or one of Keras's, such as "
            "keras.applications.MobileNetV2."
        ),
    ] = None,
    model_options: Annotated[
        list[str] | None,
        typer.Option(help="An option of the network, NAME=VALUE; may be repeated."),
    ] = None,
    image_size: ImageSize = None,
    skip_bad: SkipBad = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the schedule.")] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="adamw; or muon, which orthogonalizes the updates of kernels.",
            autocompletion=values(*get_args(types.Optimizer)),
        ),
    ] = None,
    validation: Validation = None,
    augment: Annotated[
        str | None,
        typer.Option(
            help="How to vary training images: none, light, crop_flip, standard, strong.",
            autocompletion=values("none", "light", "crop_flip", "standard", "strong"),
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without a lower validation loss; then keep the best weights."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="Start from the weights of a run or a .keras file; see --freeze."),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(
            help="Layers that keep their weights: none, backbone, or up to a layer.",
            autocompletion=values("none", "backbone"),
        ),
    ] = None,
    head_epochs: Annotated[
        int | None,
        typer.Option(help="Epochs that train only the last layer, before all train more slowly."),
    ] = None,
    class_weights: Annotated[
        str | None,
        typer.Option(
            help="balanced: weight classes in the loss, the more the rarer they are.",
            autocompletion=values("balanced"),
        ),
    ] = None,
    mixed_precision: MixedPrecision = None,
    seed: int | None = None,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="Run folder; default runs/NAME-...")
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="auto, one, mirrored, cpu:N, multiworker, tpu or tpu:NAME",
            autocompletion=values("auto", "one", "mirrored", "multiworker", "tpu"),
        ),
    ] = "auto",
    save_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds between checkpoints, which a kill loses. Default: 5, or more for a large "
            "model, so that checkpoints take at most 2 % of the time."
        ),
    ] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Make results equal bit for bit; slower.")
    ] = False,
    on_nan: Annotated[
        str,
        typer.Option(
            help="At a NaN loss: stop, or lower (restore and halve the learning rate).",
            autocompletion=values(*get_args(types.OnNaN)),
        ),
    ] = "stop",
    no_pictures: Annotated[
        bool, typer.Option("--no-pictures", help="Skip figures; `kerasdl explain RUN` draws them.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Run one batch of everything, as a quick test.")
    ] = False,
    json: Json = False,
):
    from kerasdl import runs

    changes: dict[str, Any] = {"data": data, "image_size": image_size, "epochs": epochs}
    changes |= {"seed": seed, "batch_size": batch_size, "learning_rate": learning_rate}
    changes |= {"dtype_policy": policy_of(mixed_precision), "model": model}
    changes |= {"augment": augmentation_of(augment), "patience": patience}
    changes |= {"optimizer": optimizer}
    changes |= {"start": start, "freeze": freeze, "head_epochs": head_epochs}
    options_of_data: dict[str, Any] = {"target": target, "task": task, "skip_bad": skip_bad}
    options_of_data["validation"] = number_or_text(validation)
    options_of_data |= values_of(data_options, "--data-options")
    options_of_model = values_of(model_options, "--model-options")
    if start and not model:
        changes["model"], known = network_of(start)
        options_of_model = {**known, **options_of_model}
    recipe = recipe_of(name, options_of_data, options_of_model, **changes)
    if class_weights is not None:
        weighted = {**recipe.task_options, "class_weights": class_weights}
        recipe = recipe.replace(task_options=weighted)
    folder = out or recipe.folder(fast)
    if runs.is_finished(folder):
        plain_text.tell(f"{folder} holds this run, finished; nothing to train.")
    quiet.import_tensorflow(find_devices=False)
    options = {"strategy": strategy, "save_seconds": save_seconds}
    options |= {"deterministic": deterministic, "on_nan": on_nan, "pictures": not no_pictures}
    with stopping():
        run = recipe.run(folder, fast=fast, progress=not json, **options)
    if run:  # only the chief of several workers has one
        _show_result(run, json)


def _show_result(run, as_json):
    bars = {bar.metric: (str(bar), "yes" if holds else "no") for bar, _, holds in run.bars()}
    rows = []
    for name, value in run.metrics["test"].items():
        bar, holds = bars.get(name, ("-", "-"))
        rows.append({"metric": name, "test": value, "bar": bar, "holds": holds})
    title = f"{run.recipe.name} on {run.recipe.data}, {run.metrics['seconds']} s: {run.path}"
    tables.show(rows, title, as_json)


@app.command(help="Search a recipe's hyperparameters. Ctrl-C stops; the same command continues.")
def tune(
    name: RecipeName,
    tuner: Annotated[
        str,
        typer.Option(
            help="random, grid, bayesian or hyperband",
            autocompletion=values(*get_args(types.Tuner)),
        ),
    ] = "bayesian",
    trials: Annotated[int, typer.Option(help="The largest number of trials.")] = 20,
    time: Annotated[str | None, typer.Option(help="Time for all trials: 90s, 10m or 1.5h.")] = None,
    trial_time: Annotated[
        str | None, typer.Option(help="Training time of a trial, such as 20s.")
    ] = None,
    data: Data = None,
    target: Target = None,
    task: TargetTask = None,
    image_size: ImageSize = None,
    mixed_precision: MixedPrecision = None,
    epochs: Annotated[int | None, typer.Option(help="Largest number in a trial.")] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without improvement that end a trial; default a fifth."),
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="Fraction of the training data for comparing trials.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A hyperparameter to tune; may be repeated.")
    ] = None,
    seed: int = 0,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="Search folder; default tunings/NAME-...")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Run two trials of one batch, as a quick test.")
    ] = False,
    json: Json = False,
):
    changes: dict[str, Any] = {"data": data, "image_size": image_size, "epochs": epochs}
    changes |= {"dtype_policy": policy_of(mixed_precision)}
    recipe = recipe_of(name, {"target": target, "task": task}, **changes)
    settings: dict[str, Any] = {"tuner": tuner, "trials": trials, "time": time}
    settings |= {"trial_time": trial_time, "patience": patience}
    settings |= {"validation": validation, "only": tuple(only or ())}
    quiet.import_tensorflow()
    from kerasdl.tuning import search

    with stopping():
        found = search.tune(recipe, seed=seed, out=out, fast=fast, **settings)
    if found:
        _show_search(found, json)


def _show_search(found, as_json):
    from kerasdl.tuning import leaderboard

    board, path = found.leaderboard, found.path
    if as_json:
        tables.print_json(board)
    else:
        title = f"{board['recipe']} by {board['objective']}, {board['tuner']}: {path}"
        tables.show(leaderboard.table(board), title)
        if best := board["best"]:
            test = ", ".join(f"{k} {v:.4g}" for k, v in best["test"].items())
            found = f"best: trial {best['trial']}, on the test data {test}: {path / 'best'}"
            print(plain_text.for_terminal(found))
            print(plain_text.for_terminal(f"figures: {path / 'figures'}"))
    if not board["best"]:
        reasons = [row["reason"] for row in board["trials"]]
        expected = "at least one trial that succeeds"
        raise errors.InvalidInput("search", expected, reasons[0] if reasons else "none in time")


@app.command(
    context_settings={"ignore_unknown_options": True},
    help="Run a command on several workers here: kerasdl launch --workers 2 -- train mlp.",
)
def launch(
    command: Annotated[list[str], typer.Argument(help="A kerasdl command, such as: train mlp")],
    workers: Annotated[int, typer.Option(min=1)] = 2,
):
    from kerasdl.distribute import launching

    sys.exit(launching.launch([sys.executable, "-m", "kerasdl", *command], workers))
