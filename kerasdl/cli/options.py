"""The application, and the options that several commands share.

Commands give their texts as `help=`: `python -OO` removes docstrings.
"""

import contextlib
import json
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
import typer.core

import kerasdl
from kerasdl import errors
from kerasdl.cli import listing
from kerasdl.utils import files, plain_text

ORDER = (
    *("list", "info", "formulas", "fit", "train", "tune", "launch", "evaluate", "predict"),
    *("explain", "doctor", "runs", "compare", "export", "compress", "bench", "demo"),
    *("guide", "completion"),
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
    """Return a function that completes names which `kerasdl list` shows, of some tables or all."""

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
Target = Annotated[
    str | None, typer.Option(help="The column of a .csv to predict, or several: price,area.")
]
TargetTask = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="What the target is: classification, regression, tags, or text to read word by word.",
        autocompletion=values("classification", "regression", "tags", "text"),
    ),
]
ImageSize = Annotated[int | None, typer.Option(help="Height and width to resize images to.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out bad images, lines, records; count them.")
]
Validation = Annotated[
    str | None,
    typer.Option(
        help="Fraction of your data to validate on; or other data: a folder of images, a table."
    ),
]
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


def augmentation_of(name: str | None) -> str | bool | None:
    """Return a recipe's `augment` for a value of `--augment`."""
    from kerasdl.data import policies

    if name is not None:
        errors.one_of("value for `--augment`", name, ("none", *policies.POLICIES))
    return False if name == "none" else name


def number_or_text(text: str | None) -> float | str | None:
    """Return the number that a text is, or else the text.

    >>> number_or_text("0.2"), number_or_text("photos")
    (0.2, 'photos')
    """
    try:
        return text and float(text)
    except ValueError:
        return text


def network_of(start: str) -> tuple[str | None, dict[str, Any]]:
    """Return the name and the options of the model in a run folder; for other paths None and {}."""
    from kerasdl.runs import folder

    file = pathlib.Path(start) / folder.CONFIG
    if not file.is_file():
        return None, {}
    recipe = folder.read_config(file)["recipe"]
    return recipe["model"], files.tupled(recipe.get("model_options", {}))


def values_of(texts: Sequence[str] | None, option: str) -> dict[str, Any]:
    """Return the values of texts NAME=VALUE; a value that is no JSON is a text.

    >>> values_of(["depths=[1,1,1]", "weights=imagenet"], "--model-options")
    {'depths': (1, 1, 1), 'weights': 'imagenet'}
    """
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise errors.InvalidInput(f"value for `{option}`", "NAME=VALUE", text)
        try:
            found[name] = files.tupled(json.loads(value))
        except ValueError:
            found[name] = value
    return found


def recipe_of(name: str, data_options: dict, model_options: dict | None = None, **changes):
    """Return a recipe with the user's values.

    Args:
        name: str, of the recipe.
        data_options: dict, options of the dataset; those that are not given are false.
        model_options: dict, options of the model.
        **changes: Other values of the recipe; `None` keeps one.
    """
    from kerasdl import recipes

    recipe = recipes.get(name).replace(**changes)
    given = {k: v for k, v in data_options.items() if v not in (None, "") and v is not False}
    return recipe.replace(
        data_options={**recipe.data_options, **given},
        model_options={**recipe.model_options, **(model_options or {})},
    )


def open_run(path: pathlib.Path, trust: bool, finished: bool = True):
    """Open a run folder; import TensorFlow quietly first."""
    from kerasdl import recipes
    from kerasdl.utils import quiet

    if (path / "config.json").is_file():
        quiet.import_tensorflow()
    return recipes.open(path, trust=trust, finished=finished)
