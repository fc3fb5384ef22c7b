"""`evaluate`, `predict`, `explain`, `doctor`, `runs` and `compare`: commands on run folders."""

import pathlib
from typing import Annotated

import typer

from kerasdl.cli.options import Json, RunFolder, Trust, app, open_run
from kerasdl.utils import plain_text, tables


@app.command(help="Evaluate a run's saved model on its test data again.")
def evaluate(run: RunFolder, trust: Trust = False, json: Json = False):
    rows = [{"metric": k, "test": v} for k, v in open_run(run, trust).evaluate().items()]
    tables.show(rows, f"{run}", json)


@app.command(help="Apply a run's model to files or prompts.")
def predict(
    run: RunFolder,
    inputs: Annotated[list[str], typer.Argument(help="Image files, .csv files or prompts.")],
    trust: Trust = False,
    json: Json = False,
):
    tables.show(open_run(run, trust).predict(inputs), as_json=json)


@app.command(help="Draw figures: curves, confusion, feature maps, reconstructions, samples.")
def explain(
    run: RunFolder,
    inputs: Annotated[list[str] | None, typer.Argument(help="Inputs; default: the run.")] = None,
    trust: Trust = False,
):
    for file in open_run(run, trust).explain(inputs or []):
        print(plain_text.for_terminal(file))


@app.command(help="Diagnose a run, finished or not: what is wrong, the evidence, and what to try.")
def doctor(run: RunFolder, trust: Trust = False, json: Json = False):
    tables.show(open_run(run, trust, finished=False).doctor(), f"{run}", json)


@app.command(name="runs", help="Show a table of the runs in a folder, finished or not.")
def runs_(
    folder: Annotated[
        pathlib.Path, typer.Argument(help="A folder that contains runs.")
    ] = pathlib.Path("runs"),
    sort: Annotated[str | None, typer.Option(help="A column or a test metric to sort by.")] = None,
    descending: Annotated[
        bool, typer.Option("--descending", help="Sort large values first.")
    ] = False,
    html: Annotated[
        pathlib.Path | None, typer.Option(help="Write a page with their curves to this file.")
    ] = None,
    json: Json = False,
):
    from kerasdl.recipes import overview

    rows = overview.table(folder, sort, descending)
    if html:
        overview.write_page(html, folder, rows)
        print(plain_text.for_terminal(html))
    else:
        tables.show(rows, f"{folder}", json)


@app.command(help="Show how two runs differ: recipes, data, versions and results.")
def compare(first: RunFolder, second: RunFolder, json: Json = False):
    from kerasdl.recipes import overview

    rows = overview.differences(first, second)
    if rows or json:
        tables.show(rows, as_json=json)
    else:
        print("The two runs do not differ.")
