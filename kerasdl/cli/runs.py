"""`evaluate`, `predict`, `explain` and `doctor`: commands on a run folder."""

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
