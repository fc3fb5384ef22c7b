"""`list`, `info` and `formulas`: commands that describe what the package holds."""

from typing import Annotated

import typer

from kerasdl.cli import listing
from kerasdl.cli.options import Json, app
from kerasdl.utils import tables


@app.command("list", help="List recipes, models, layers and datasets.")
def list_(
    topic: Annotated[str, typer.Argument(help="recipes, models, layers, data, or a topic")] = "",
    json: Json = False,
):
    listing.show(topic, json)


@app.command(
    help="Show one thing: summary, parameters, multiply-accumulates, layers, reference, results. "
    "Without a name, show what is installed.",
)
def info(
    name: Annotated[str, typer.Argument(help="Anything that `list` shows.")] = "",
    json: Json = False,
):
    from kerasdl.cli import cards

    if name:
        cards.show(name, json)
    else:
        cards.show_installed(json)


@app.command(
    help="List equations, or show one: its NumPy code, what it equals and where it is used.",
)
def formulas(
    name: Annotated[
        str,
        typer.Argument(
            help="A theme (transformers), a module (optimizers) or a formula (adam); default: all."
        ),
    ] = "",
    json: Json = False,
):
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
        tables.show(rows, name.casefold() or "formulas")
