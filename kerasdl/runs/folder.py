"""The files of a run folder."""

import contextlib
import csv
import pathlib
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kerasdl.utils import files, plain_text, schema

if TYPE_CHECKING:  # these modules take seconds to import and are not needed here
    from matplotlib.figure import Figure

    from kerasdl.tasks.task import Drawings

CONFIG = "config.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
MODEL = "model.keras"


def is_scale(value) -> bool:
    """Return whether a value is a number, or a list of numbers, one for each target."""
    return schema.is_finite(value) or schema.listed(schema.is_finite)(value)


# the contents of the JSON files; see `kerasdl.utils.schema`
STOPPED_SCHEMA = {"reason": schema.is_text}
METRICS_SCHEMA = {
    "test": {"*": schema.is_float},
    "seconds": schema.is_float,
    "parameters": schema.is_count,
    "baselines?": {"*": {"*": schema.is_float}},
    "lowered?": schema.listed(schema.is_text),
    "best_epoch?": schema.is_count,
}
LIMIT = schema.optional(schema.is_finite)
BAR = {"metric": schema.is_text, "at_least?": LIMIT, "at_most?": LIMIT}
RECIPE = {
    **dict.fromkeys(("name", "summary", "task", "model", "data"), schema.is_text),
    **dict.fromkeys(("data_options?", "model_options?", "task_options?"), schema.is_object),
    "bars": schema.listed(BAR),
    **dict.fromkeys(("augment?", "jit_compile?"), lambda v: schema.is_text(v) or schema.is_flag(v)),
    "dtype_policy?": schema.is_text,
    "start?": schema.optional(schema.is_text),
    **dict.fromkeys(("freeze?", "optimizer?"), schema.is_text),
    "*": schema.optional(schema.is_finite),
}
COLUMN = {
    "name": schema.is_text,
    "words": schema.optional(schema.listed(schema.is_text)),
    "mean": schema.listed(schema.is_finite),
    "deviation": schema.listed(schema.is_finite),
    "kind?": schema.is_text,
    "blanks?": schema.is_flag,
    "detail?": schema.optional(schema.is_text),
}
TIMELINE = {
    **dict.fromkeys(("column", "form", "unit"), schema.is_text),
    **dict.fromkeys(("count", "outputs", "horizon"), schema.is_count),
    **dict.fromkeys(("series", "calendar"), schema.listed(schema.is_text)),
    "seasons": schema.listed(schema.is_count),
    **dict.fromkeys(("mean", "deviation"), schema.listed(schema.is_finite)),
    "blanks": schema.is_flag,
}
INFO = {
    **dict.fromkeys(("name", "task", "card"), schema.is_text),
    **dict.fromkeys(("classes", "vocabulary?"), schema.optional(schema.listed(schema.is_text))),
    "shape": schema.is_shape,
    "counts": {"*": schema.is_count},
    "target_scale?": schema.optional(schema.listed(is_scale, 2)),
    "outputs?": schema.optional(schema.listed(schema.is_text)),
    "columns?": schema.optional(schema.listed(COLUMN)),
    "target?": schema.optional(schema.is_text),
    "timeline?": schema.optional(TIMELINE),
    "replicas?": schema.optional(schema.listed(schema.is_count)),
    "files?": schema.is_any,
    "skipped?": schema.is_any,
    "notes?": schema.listed(schema.is_text),
    "class_counts?": schema.optional(schema.listed(schema.is_count)),
}
CONFIG_SCHEMA = {
    "recipe": RECIPE,
    "info": INFO,
    "class_weights?": {"*": schema.is_finite},
    "fast": schema.is_flag,
    "deterministic?": schema.is_flag,
    "numerics?": {"*": schema.is_text},
    "versions?": {"*": schema.is_text},
}


def is_finished(path: str | pathlib.Path) -> bool:
    """Return whether a folder contains a run that is trained and evaluated.

    Example:
        >>> is_finished("no_such_folder")
        False
    """
    return (pathlib.Path(path) / METRICS).exists()


def is_begun(path: pathlib.Path) -> bool:
    """Return whether a folder contains a checkpoint, a model or metrics."""
    names = ("checkpoints/latest.npz", "checkpoints/previous.npz", MODEL, METRICS)
    return any((path / name).exists() for name in names)


def read_config(path: pathlib.Path) -> dict:
    """Read config.json; raise `InvalidInput` if `kerasdl train` cannot have written it."""
    return schema.read(path, CONFIG_SCHEMA)


def read_metrics(path: pathlib.Path) -> dict:
    """Read metrics.json; raise `InvalidInput` if `kerasdl train` cannot have written it."""
    return schema.read(path, METRICS_SCHEMA)


def read_reason(path: pathlib.Path) -> str:
    """Read from stopped.json the reason why a training stopped early."""
    return schema.read(path, STOPPED_SCHEMA)["reason"]


def write_history(path: pathlib.Path, history: dict[str, list[float]]):
    """Write the metrics of each epoch as a CSV file."""
    with files.atomic(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        rows = zip(*history.values(), strict=True)
        writer.writerows([epoch, *row] for epoch, row in enumerate(rows, start=1))


def read_history(path: pathlib.Path) -> dict[str, list[float]]:
    """Read a file that `write_history` wrote, of at least one epoch.

    The value of a metric is `None` in epochs in which it was not recorded.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names, *rows = csv.reader(file)
        if names[:1] != ["epoch"] or len(set(names)) < max(len(names), 2) or not rows:
            raise ValueError(f"{len(rows)} epochs of {', '.join(names)}")
        numbers = [[float(cell) if cell else None for cell in row] for row in rows]
        columns = zip(*numbers, strict=True)
        return {n: list(c) for n, c in zip(names, columns, strict=True) if n != "epoch"}
    except (ValueError, csv.Error) as error:
        raise schema.damaged(path, error) from None


def save_figures(path: pathlib.Path, drawings: "Drawings") -> list[pathlib.Path]:
    """Draw figures into `path/figures` as PNG files; return the files that were written.

    A figure that fails is reported by one line on standard error, and the others are drawn.

    Args:
        path: The run folder.
        drawings: dict, by file name a function that draws a matplotlib figure.
    """
    return [
        file
        for name, draw in drawings.items()
        if save_figure(file := path / "figures" / f"{files.safe_name(name)}.png", draw, name)
    ]


def save_figure(file: pathlib.Path, draw: Callable[[], "Figure"], name: str = "") -> bool:
    """Draw a figure into a PNG file; return whether it was written.

    A failure is reported by one line on standard error.

    Args:
        file: The file; its folder is made.
        draw: function that draws a matplotlib figure.
        name: str, the name in that line; by default that of the file.
    """
    with surviving(f"figure `{name or file.stem}`"), warnings.catch_warnings():
        # the font lacks many scripts; their letters are drawn as boxes
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        file.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic(file) as partial:
            draw().savefig(partial, dpi=120, bbox_inches="tight")
        return True
    return False


@contextlib.contextmanager
def surviving(what: str) -> Iterator[None]:
    """Print a line on standard error for an exception inside a `with` block, and continue.

    Figures and evaluations after a training are made in such blocks, so that an error in one of
    them does not lose the training.

    Args:
        what: str, the name of the result for the message, such as "figure `confusion`".
    """
    try:
        yield
    except Exception as error:
        plain_text.tell(f"No {what}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
