"""`list`, `info`, `formulas`, `guide` and `completion`: what there is, and how to begin."""

from typing import Annotated

import typer

from kerasdl import formulary
from kerasdl.cli import first_steps, listing
from kerasdl.cli.options import Json, app, listed, values
from kerasdl.utils import tables


@app.command("list", help="List recipes, models, layers and datasets.")
def list_(
    topic: Annotated[
        str,
        typer.Argument(
            help="recipes, models, layers, data, a topic, or a name with * for any letters.",
            autocompletion=lambda: list(listing.topics(listing.read())),
        ),
    ] = "",
    json: Json = False,
):
    listing.show(topic, json)


@app.command(
    help="Show one thing: summary, parameters, multiply-accumulates, layers, reference, results. "
    "Without a name, show what is installed.",
)
def info(
    name: Annotated[
        str,
        typer.Argument(
            help="Anything that `list` shows; * stands for any letters.", autocompletion=listed()
        ),
    ] = "",
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
            help="A theme (transformers), a module (optimizers) or a formula (adam); default: all.",
            autocompletion=lambda: list(formulary.THEMES),
        ),
    ] = "",
    json: Json = False,
):
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


@app.command(help="Show the first steps, and where commands, names and tutorials are.")
def guide():
    print(first_steps.text(), end="")


@app.command(
    help="Print a script that completes commands, options and names: "
    'eval "$(kerasdl completion bash)" in ~/.bashrc, or of zsh in ~/.zshrc; '
    "kerasdl completion fish | source in ~/.config/fish/config.fish.",
)
def completion(
    shell: Annotated[
        str, typer.Argument(help="bash, zsh or fish", autocompletion=values("bash", "zsh", "fish"))
    ],
):
    from kerasdl.cli import completion as scripts

    print(scripts.script(shell), end="")
