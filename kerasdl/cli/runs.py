"""`evaluate`, `predict`, `explain`, `doctor`, `runs` and `compare`: commands on run folders."""

import pathlib
from typing import Annotated, get_args

import typer

from kerasdl import errors
from kerasdl.cli import shipping
from kerasdl.cli.options import Json, RunFolder, Target, Trust, app, open_run, values
from kerasdl.utils import plain_text, tables, types

NAMED = 5  # inputs without an answer that a line names


@app.command(help="Evaluate a run's saved model on its test data again.")
def evaluate(run: RunFolder, trust: Trust = False, json: Json = False):
    opened = open_run(run, trust)
    rows = [{"metric": k, "test": v} for k, v in opened.evaluate().items()]
    tables.show(rows, f"{run}", json)
    if found := opened.metrics.get("baselines"):
        from kerasdl.runs.train import beside

        plain_text.tell(beside(found))


@app.command(
    help="Apply a run's model to files or prompts. What cannot be read is named at the end; the "
    "exit status is 2 only if nothing could be answered.",
)
def predict(
    run: RunFolder,
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Image or .csv files, folders or patterns of them ('photos/*.jpg'), or prompts."
        ),
    ],
    out: Annotated[
        pathlib.Path | None,
        typer.Option(metavar="FILE.csv", help="Write the answers to this file, a row for each."),
    ] = None,
    no_pictures: Annotated[
        bool, typer.Option("--no-pictures", help="Draw no boxes or reconstructions.")
    ] = False,
    trust: Trust = False,
    json: Json = False,
):
    if out is not None and (out.suffix.lower() != ".csv" or out.is_dir()):
        raise errors.InvalidInput("value for `--out`", "the name of a .csv file", out)
    opened = open_run(run, trust)
    if opened.streams and not (json or out):
        return _print_streams(opened, inputs)
    folder = out.parent if out else None
    rows = opened.predict(inputs, keep_going=True, pictures=not no_pictures, folder=folder)
    answered = [row for row in rows if "error" not in row]
    if answered and out:
        opened.write_answers(out, rows)
    if answered and json:
        tables.print_json(rows)
    elif answered and out:
        print(plain_text.for_terminal(out))
    elif answered:
        tables.show(answered)
    _tell_unanswered(rows)
    if not answered:
        raise typer.Exit(2)


def _print_streams(opened, prompts):
    """Print the continuation of each prompt while it is written."""
    rows = []
    for prompt in prompts:
        row = {"input": prompt}
        try:
            for piece in opened.stream(prompt):
                lines = map(plain_text.for_terminal, piece.split("\n"))
                print("\n".join(lines), end="", flush=True)
            print()
        except errors.InvalidInput as error:
            row["error"] = " ".join(str(error).split())
        rows.append(row)
    _tell_unanswered(rows)
    if all("error" in row for row in rows):
        raise typer.Exit(2)


def _tell_unanswered(rows):
    """Print one line on standard error that names the inputs without an answer."""
    bad = [row for row in rows if "error" in row]
    total = len({row["input"] for row in rows})
    if not bad:
        return
    if total == 1:
        return plain_text.tell("kerasdl:", bad[0]["error"])
    names = ", ".join(row["input"] for row in bad[:NAMED])
    more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    count = f"No answer for {len(bad)} of {total} inputs: {names}{more}."
    plain_text.tell("kerasdl:", count, f"The first: {bad[0]['error']}")


@app.command(
    help="Draw figures of a run: curves, confusion, samples; or of its model on some inputs: "
    "feature maps, reconstructions, boxes, or by --method what in an image the prediction "
    "depends on."
)
def explain(
    run: RunFolder,
    inputs: Annotated[list[str] | None, typer.Argument(help="Inputs; default: the run.")] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Draw a heat map of each image: grad_cam, grad_cam_plus_plus, saliency, "
            "guided_backpropagation, deconvnet, integrated_gradients, smooth_grad, occlusion; "
            "attention_rollout for transformers.",
            autocompletion=values(*get_args(types.ExplainMethod)),
        ),
    ] = None,
    trust: Trust = False,
):
    if method is not None:  # before TensorFlow is imported
        errors.one_of("value for `--method`", method, get_args(types.ExplainMethod))
    for file in open_run(run, trust).explain(inputs or [], method):
        print(plain_text.for_terminal(file))


@app.command(
    help="Diagnose a run, finished or not, or a .keras file with its data: what is wrong, how sure "
    "that is (certain: measured itself; likely: by its effects), the evidence, and what to try."
)
def doctor(
    run: shipping.RunOrFile,
    data: shipping.Data = None,
    target: Target = None,
    input_range: shipping.InputRange = None,
    trust: Trust = False,
    json: Json = False,
):
    opened = shipping.open_run_or_file(
        run, trust, data, input_range=input_range, target=target, finished=False
    )
    tables.show(opened.doctor(), f"{run}", json)


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
        tables.show(rows, as_json=json, spaces=False)
    else:
        print("The two runs do not differ.")
