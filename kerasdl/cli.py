"""The command line: from `list` to `demo`, each command a function."""

import contextlib
import os
import pathlib
import sys
from typing import Annotated

import typer

from kerasdl import errors
from kerasdl.utils import tables

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it logs comes as exceptions, too

app = typer.Typer(
    help="Deep-learning notes that run: train, judge, explain and ship small Keras 3 models.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

RunFolder = Annotated[pathlib.Path, typer.Argument(metavar="RUN", help="A folder of `train`.")]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run code that came with the model, such as a Lambda's.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RecipeName = Annotated[str, typer.Argument(help="A recipe: see `kerasdl list recipes`.")]
Data = Annotated[
    str | None, typer.Option(help="Your own: a folder of class folders, .csv, .txt or tfds:NAME.")
]
Target = Annotated[str | None, typer.Option(help="The column of a .csv to predict.")]
ImageSize = Annotated[int | None, typer.Option(help="Side to which images are resized.")]


@app.command("list")
def list_(
    topic: Annotated[str, typer.Argument(help="recipes, models, layers, data, or a topic")] = "",
    json: Json = False,
):
    """What there is: recipes, models, layers, data sets."""
    from kerasdl import cards

    for title, rows in cards.listing(topic).items():
        tables.show(rows, title, json)


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="Anything that `list` shows.")], json: Json = False
):
    """One thing's card: summary, parameters, MACs, reference, rows of the notes."""
    from kerasdl import cards

    cards.show(name, json)


@app.command()
def formulas(
    name: Annotated[
        str,
        typer.Argument(
            help="A theme (transformers), a module (optimizers) or a formula (adam); default: all."
        ),
    ] = "",
    json: Json = False,
):
    """Equations as NumPy code: a list, or one with what it equals and where it is used."""
    from kerasdl import formulary

    found = formulary.find(name)
    if json:
        cards = [{**vars(f), "equals": f.proofs, "uses": f.uses} for f in found]
        tables.show(cards or formulary.listing(name), as_json=True)
    elif found:
        parts = [*map(formulary.text, found), formulary.module(name)]
        print("\n\n".join(filter(None, parts)))
    else:
        rows = [{k: row[k] for k in ("formula", "what")} for row in formulary.listing(name)]
        tables.show(rows, name.casefold() or "formulas", whole="formula")


@app.command()
def train(
    name: RecipeName,
    data: Data = None,
    target: Target = None,
    image_size: ImageSize = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out bad images, lines, records; count them.")
    ] = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its peak.")] = None,
    seed: int | None = None,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="Run folder; default runs/NAME-...")
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="auto, one, mirrored, cpu:N, multiworker, tpu or tpu:NAME")
    ] = "auto",
    save_seconds: Annotated[float, typer.Option(help="How much work a kill may cost.")] = 5.0,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same command, the same bits; slower.")
    ] = False,
    on_nan: Annotated[
        str, typer.Option(help="At a loss of NaN: stop, or lower the learning rate and go back.")
    ] = "stop",
    fast: Annotated[
        bool, typer.Option("--fast", help="One batch of everything, to see it work.")
    ] = False,
    json: Json = False,
):
    """Train a recipe; Ctrl-C saves and stops, the same command goes on."""
    from kerasdl import recipes
    from kerasdl.utils import quiet

    changes = {"data": data, "image_size": image_size, "epochs": epochs, "seed": seed}
    changes |= {"batch_size": batch_size, "learning_rate": learning_rate}
    recipe = _recipe(name, {"target": target, "skip_bad": skip_bad}, **changes)
    folder = out or recipe.folder(fast)
    if recipes.Run(folder).finished:
        print(f"{folder} holds this run, finished; nothing to train.", file=sys.stderr)
    quiet.import_tensorflow(find_devices=False)
    options = {"strategy": strategy, "save_seconds": save_seconds}
    options |= {"deterministic": deterministic, "on_nan": on_nan}
    with _stopping():
        run = recipe.run(folder, fast=fast, progress=not json, **options)
    if run:  # the chief's
        _show_result(run, json)


def _recipe(name, asked, **changes):
    """A recipe as the user wants it; what is `asked` for is the data set's own."""
    from kerasdl import recipes

    recipe = recipes.get(name).replace(**changes)
    asked = {option: value for option, value in asked.items() if value}
    return recipe.replace(data_options={**recipe.data_options, **asked})


@contextlib.contextmanager
def _stopping():
    """Say what is kept; typer would end without a word."""
    try:
        yield
    except KeyboardInterrupt as stop:
        print(stop or "Stopped.", file=sys.stderr)
        sys.exit(getattr(stop, "status", 130))


def _open(folder, trust):
    from kerasdl import recipes
    from kerasdl.utils import quiet

    run = recipes.open(folder, trust=trust)
    quiet.import_tensorflow()
    return run


def _show_result(run, as_json):
    bars = {bar.metric: (str(bar), "yes" if holds else "no") for bar, _, holds in run.bars()}
    rows = []
    for name, value in run.metrics["test"].items():
        bar, holds = bars.get(name, ("-", "-"))
        rows.append({"metric": name, "test": value, "bar": bar, "holds": holds})
    title = f"{run.recipe.name} on {run.recipe.data}, {run.metrics['seconds']} s: {run.path}"
    tables.show(rows, title, as_json)


@app.command()
def evaluate(run: RunFolder, trust: Trust = False, json: Json = False):
    """Judge a run's saved model on its test data again."""
    rows = [{"metric": k, "test": v} for k, v in _open(run, trust).evaluate().items()]
    tables.show(rows, f"{run}", json)


@app.command()
def predict(
    run: RunFolder,
    inputs: Annotated[list[str], typer.Argument(help="Image files, CSV rows or prompts.")],
    trust: Trust = False,
    json: Json = False,
):
    """Apply a run's model to files or prompts."""
    tables.show(_open(run, trust).predict(inputs), as_json=json)


@app.command()
def explain(
    run: RunFolder,
    inputs: Annotated[list[str] | None, typer.Argument(help="None: the run.")] = None,
    trust: Trust = False,
):
    """Draw figures: curves, confusion, feature maps, reconstructions, samples."""
    for file in _open(run, trust).explain(inputs or []):
        print(file)


@app.command()
def doctor(run: RunFolder, trust: Trust = False, json: Json = False):
    """What is wrong with a run, finished or not, how that was seen, and what to try."""
    from kerasdl import recipes
    from kerasdl.utils import quiet

    opened = recipes.open(run, trust=trust, finished=False)
    quiet.import_tensorflow()
    tables.show(opened.doctor(), f"{run}", json)


@app.command()
def export(
    run: RunFolder,
    quantize: Annotated[
        list[str] | None,
        typer.Option(
            help="none, float16, dynamic, int8, int16x8, int4; may be repeated; "
            "for LiteRT, default none and int8."
        ),
    ] = None,
    format: Annotated[str, typer.Option(help="litert or onnx.")] = "litert",
    trust: Trust = False,
    json: Json = False,
):
    """Write LiteRT or ONNX files and compare each with the Keras model."""
    rows = _open(run, trust).export(quantize or (), format)
    title = {"litert": "LiteRT", "onnx": "ONNX"}[format]
    tables.show(rows, f"{run}: {title} against Keras", json)


@app.command()
def compress(
    run: RunFolder,
    max_drop: Annotated[float, typer.Option(help="Accuracy that may be lost.")] = 0.005,
    method: Annotated[
        list[str] | None,
        typer.Option(help="float16, dynamic, int8, int4, prune, qat, pqat, cqat, pcqat."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="For what trains; default a third of the run's.")
    ] = None,
    sparsity: Annotated[float, typer.Option(help="Share of zeros, where zeros are made.")] = 0.8,
    trust: Trust = False,
    json: Json = False,
):
    """Find the smallest LiteRT file that is as good: quantise, prune, cluster, all together."""

    def progress(line):
        print(f"{line} ...", file=sys.stderr, flush=True)

    rows = _open(run, trust).compress(
        max_drop=max_drop, methods=method, epochs=epochs, sparsity=sparsity, progress=progress
    )
    shown = rows if json else [{k: v for k, v in row.items() if k != "file"} for row in rows]
    tables.show(shown, f"{run}: smaller and smaller", json)
    if not json:
        best = next(row for row in rows if row["best"])
        print(f"best: {best['file']}")
        print(f"picture: {run / 'figures' / 'compression.png'}")


@app.command()
def bench(
    files: Annotated[
        list[pathlib.Path], typer.Argument(help=".tflite and .onnx files, or folders of them")
    ],
    threads: int = 1,
    sort: Annotated[str, typer.Option(help="kB, zipped_kB, init_ms, median_ms or p95_ms")] = "",
    json: Json = False,
):
    """Size and latency of LiteRT and ONNX files, of runs too."""
    from kerasdl import export as exports

    columns = ["kB", "zipped_kB", "init_ms", "median_ms", "p95_ms"]
    if sort:
        errors.one_of("column to sort by", sort, columns)
    found = [exports.files_in(path) if path.is_dir() else [path] for path in files]
    found = [file for group in found for file in group]
    if not found:
        expected = "at least one .tflite or .onnx file"
        raise errors.InvalidInput("files", expected, ", ".join(map(str, files)))
    rows = []
    for file in found:
        model = exports.open_file(file)
        latency = exports.benchmark(model, threads=threads)
        numbers = (model.size / 1e3, model.zipped_size / 1e3)
        numbers += (latency.init, latency.median, latency.p95)
        rows.append({"file": str(file), **dict(zip(columns, numbers, strict=True))})
    tables.show(sorted(rows, key=lambda row: row.get(sort, 0)), as_json=json)


@app.command()
def demo(
    run: Annotated[
        pathlib.Path | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run, a .tflite file or a folder of them; default: the newest run.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    litertjs: Annotated[
        pathlib.Path | None, typer.Option(metavar="FOLDER", help="A copy of LiteRT.js.")
    ] = None,
    trust: Trust = False,
):
    """Draw in the browser what an image classifier is to recognise."""
    import webbrowser

    from kerasdl.export import demo as page
    from kerasdl.recipes import demonstration

    server = page.Server(demonstration.litert_files(run, trust), port, litertjs)
    print(f"{server.url} until Ctrl-C", flush=True)
    if browser:
        webbrowser.open(server.url)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


@app.command()
def tune(
    name: RecipeName,
    tuner: Annotated[str, typer.Option(help="random, grid, bayesian or hyperband")] = "bayesian",
    trials: Annotated[int, typer.Option(help="How many at most.")] = 20,
    time: Annotated[str | None, typer.Option(help="For all trials: 90s, 10m or 1.5h.")] = None,
    trial_time: Annotated[
        str | None, typer.Option(help="For training in one trial, such as 20s.")
    ] = None,
    data: Data = None,
    target: Target = None,
    image_size: ImageSize = None,
    epochs: Annotated[int | None, typer.Option(help="Of a trial, at most.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better validation loss; default a fifth.")
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="Share of the training data that judges.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A hyper-parameter to tune; may be repeated.")
    ] = None,
    seed: int = 0,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="Search folder; default tunings/NAME-...")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Two trials of one batch, to see it work.")
    ] = False,
    json: Json = False,
):
    """Search a recipe's hyper-parameters; Ctrl-C stops it, the same command goes on."""
    from kerasdl.tuning import command

    recipe = _recipe(name, {"target": target}, data=data, image_size=image_size, epochs=epochs)
    settings = {"tuner": tuner, "trials": trials, "time": time, "trial_time": trial_time}
    settings |= {"patience": patience, "validation": validation, "only": tuple(only or ())}
    with _stopping():
        command.run(recipe, json, seed=seed, out=out, fast=fast, **settings)


@app.command(context_settings={"ignore_unknown_options": True})
def launch(
    command: Annotated[list[str], typer.Argument(help="Of kerasdl, such as: train mlp")],
    workers: Annotated[int, typer.Option(min=1)] = 2,
):
    """Run a command on several workers, here: kerasdl launch --workers 2 -- train mlp."""
    from kerasdl.distribute import launching

    sys.exit(launching.launch([sys.executable, "-m", "kerasdl", *command], workers))


def main():
    """Run a command; wrong input ends in one line and status 2."""
    arguments = sys.argv[1:] or ["--help"]
    try:
        with _stopping():
            sys.exit(app(arguments, standalone_mode=False))
    except errors.InvalidInput as error:
        _fail(error)
    except OSError as error:
        expected = "one that can be read, or written to with room"
        _fail(errors.InvalidInput("file or folder", expected, error))
    except Exception as error:
        # what typer says of its own arguments, whichever class this version of it raises
        if not hasattr(error, "format_message"):
            raise
        _fail(error.format_message())


def _fail(message):
    print("kerasdl:", " ".join(str(message).split()), file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
