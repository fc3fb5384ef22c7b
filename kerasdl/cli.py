"""The command line: list, info, train, evaluate, predict, explain, export, bench."""

import os
import pathlib
import sys
from typing import Annotated

import typer

from kerasdl import errors, tables

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greetings are no result

app = typer.Typer(
    help="Deep-learning notes that run: train, judge, explain and ship small Keras 3 models.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

RunFolder = Annotated[pathlib.Path, typer.Argument(metavar="RUN", help="A folder of `train`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
def info(name: Annotated[str, typer.Argument(help="Anything that `list` shows.")], json: Json = False):
    """One thing's card: summary, parameters, MACs, reference, rows of the notes."""
    from kerasdl import cards

    cards.show(name, json)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="A recipe: see `kerasdl list recipes`.")],
    data: Annotated[
        str, typer.Option(help="Your own: a folder of class folders, .csv, .txt or tfds:NAME.")
    ] = None,
    target: Annotated[str, typer.Option(help="The column of a .csv to predict.")] = None,
    image_size: Annotated[int, typer.Option(help="Side to which images are resized.")] = None,
    epochs: int = None,
    batch_size: int = None,
    seed: int = None,
    out: Annotated[pathlib.Path, typer.Option(help="Run folder; default runs/NAME-...")] = None,
    fast: Annotated[bool, typer.Option(help="One batch of everything, to see it work.")] = False,
    json: Json = False,
):
    """Train a recipe; Ctrl-C stops it, the same command goes on."""
    from kerasdl import recipes

    recipe = recipes.get(name).replace(
        data=data, image_size=image_size, epochs=epochs, batch_size=batch_size, seed=seed
    )
    if target:
        recipe = recipe.replace(data_options={**recipe.data_options, "target": target})
    folder = out or recipe.folder(fast)
    if recipes.Run(folder).finished:
        print(f"{folder} holds this run, finished; nothing to train.", file=sys.stderr)
    _show_result(recipe.run(folder, fast=fast, progress=not json), json)


def _show_result(run, as_json):
    rows = [{"metric": k, "test": v, "bar": "-", "holds": "-"} for k, v in run.metrics["test"].items()]
    for bar, _, holds in run.bars():
        for row in rows:
            if row["metric"] == bar.metric:
                row.update(bar=str(bar), holds="yes" if holds else "no")
    tables.show(rows, f"{run.recipe.name} on {run.recipe.data}, {run.metrics['seconds']} s: {run.path}", as_json)


@app.command()
def evaluate(run: RunFolder, json: Json = False):
    """Judge a run's saved model on its test data again."""
    from kerasdl import recipes

    rows = [{"metric": k, "test": v} for k, v in recipes.open(run).evaluate().items()]
    tables.show(rows, f"{run}", json)


@app.command()
def predict(
    run: RunFolder,
    inputs: Annotated[list[str], typer.Argument(help="Image files, CSV rows or prompts.")],
    json: Json = False,
):
    """Apply a run's model to files or prompts."""
    from kerasdl import recipes

    tables.show(recipes.open(run).predict(inputs), as_json=json)


@app.command()
def explain(
    run: RunFolder,
    inputs: Annotated[list[str], typer.Argument(help="Inputs to explain; none: the run.")] = None,
):
    """Draw figures: curves, confusion, feature maps, reconstructions, samples."""
    from kerasdl import recipes

    for file in recipes.open(run).explain(inputs or []):
        print(file)


@app.command()
def export(
    run: RunFolder,
    quantize: Annotated[
        list[str], typer.Option(help="none, float16, dynamic, int8; may be repeated.")
    ] = ("none", "int8"),
    json: Json = False,
):
    """Write LiteRT files and compare each with the Keras model."""
    from kerasdl import recipes

    tables.show(recipes.open(run).export(quantize), f"{run}: LiteRT against Keras", json)


@app.command()
def bench(
    files: Annotated[list[pathlib.Path], typer.Argument(help=".tflite files")],
    threads: int = 1,
    json: Json = False,
):
    """Size and latency of LiteRT files."""
    from kerasdl.export import bench as benches

    tables.show([benches.row(file, threads) for file in files], as_json=json)


def main():
    """Run a command; wrong input ends in one line and status 2."""
    arguments = sys.argv[1:] or ["--help"]
    try:
        sys.exit(app(arguments, standalone_mode=False))
    except errors.InvalidInput as error:
        _fail(error)
    except KeyboardInterrupt as stop:
        print(stop or "Stopped.", file=sys.stderr)
        sys.exit(130)
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
