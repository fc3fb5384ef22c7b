"""The application, and the options that several commands share.

Commands give their texts as `help=`: `python -OO` removes docstrings.
"""

import contextlib
import pathlib
import sys
from collections.abc import Callable
from typing import Annotated

import typer
import typer.core

import kerasdl
from kerasdl import errors
from kerasdl.cli import listing
from kerasdl.utils import plain_text

ORDER = (
    *("list", "info", "formulas", "train", "tune", "launch", "evaluate", "predict", "explain"),
    *("doctor", "runs", "compare", "export", "compress", "bench", "demo", "guide", "completion"),
)


class Commands(typer.core.TyperGroup):
    """Commands in the order in which a new user needs them."""

    def list_commands(self, ctx):
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    cls=Commands,
    help="Train, evaluate, explain and ship small Keras 3 models. New here? See `kerasdl guide`.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(given: bool):
    if given:
        print(f"kerasdl {kerasdl.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
):
    pass


def values(*names: str) -> Callable[[], list[str]]:
    """Return an `autocompletion` of typer for a parameter that takes some words."""
    return lambda: list(names)


def listed(*titles: str) -> Callable[[], list[str]]:
    """Return an `autocompletion` for the names in tables of `kerasdl list`; by default in all."""

    def names():
        tables = listing.read()
        rows = [row for title in titles or tables for row in tables[title]]
        return list(dict.fromkeys(next(iter(row.values())) for row in rows))

    return names


RunFolder = Annotated[
    pathlib.Path, typer.Argument(metavar="RUN", help="A folder that `train` wrote.")
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Run code in the model file, such as a Lambda layer's; download its data."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RecipeName = Annotated[
    str,
    typer.Argument(help="A recipe: see `kerasdl list recipes`.", autocompletion=listed("recipes")),
]
Data = Annotated[
    str | None,
    typer.Option(help="Your own data: a folder of images, a .csv, a .txt, ... or tfds:NAME."),
]
Target = Annotated[str | None, typer.Option(help="The column of a .csv to predict.")]
TargetTask = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="What integers in the target are: classification or regression.",
        autocompletion=values("classification", "regression"),
    ),
]
ImageSize = Annotated[int | None, typer.Option(help="Height and width to resize images to.")]
MixedPrecision = Annotated[
    str | None,
    typer.Option(
        help="Compute in float16 or bfloat16; weights and loss are float32.",
        autocompletion=values("float16", "bfloat16"),
    ),
]


@contextlib.contextmanager
def stopping():
    """When a command is interrupted, print what is saved and exit with the signal's status."""
    try:
        yield
    except KeyboardInterrupt as stop:
        plain_text.tell(str(stop) or "Stopped.")
        sys.exit(getattr(stop, "status", 130))


def policy_of(mixed_precision: str | None) -> str | None:
    """Return the dtype policy for a value of `--mixed-precision`."""
    if mixed_precision is None:
        return None
    errors.one_of("value for `--mixed-precision`", mixed_precision, ("float16", "bfloat16"))
    return f"mixed_{mixed_precision}"


def recipe_of(name: str, data_options: dict, **changes):
    """Return a recipe with the user's values; `data_options` are options of its dataset."""
    from kerasdl import recipes

    recipe = recipes.get(name).replace(**changes)
    given = {option: value for option, value in data_options.items() if value}
    return recipe.replace(data_options={**recipe.data_options, **given})


def open_run(path: pathlib.Path, trust: bool, finished: bool = True):
    """Open a run folder; import TensorFlow quietly first."""
    from kerasdl import recipes
    from kerasdl.utils import quiet

    if (path / "config.json").is_file():
        quiet.import_tensorflow()
    return recipes.open(path, trust=trust, finished=finished)
