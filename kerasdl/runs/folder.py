"""The files of a run folder."""

import csv
import json
import pathlib

from kerasdl import errors
from kerasdl.utils import files

CONFIG = "config.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
MODEL = "model.keras"


def is_finished(path: str | pathlib.Path) -> bool:
    """Whether a folder holds a run that was trained and evaluated to its end."""
    return (pathlib.Path(path) / METRICS).exists()


def read_json(path: pathlib.Path) -> dict:
    """Read a JSON object; raise `InvalidInput` if the file is damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged(path, error) from None
    if not isinstance(values, dict):
        raise damaged(path, values)
    return values


def damaged(path: pathlib.Path, received) -> errors.InvalidInput:
    """The error for a file that is not what `kerasdl train` wrote."""
    return errors.InvalidInput(f"file `{path}`", "what `kerasdl train` wrote", received)


def write_history(path: pathlib.Path, history: dict[str, list[float]]):
    """Write the metrics of each epoch as a CSV file."""
    with files.atomic(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        rows = zip(*history.values(), strict=True)
        writer.writerows([epoch, *row] for epoch, row in enumerate(rows, start=1))


def read_history(path: pathlib.Path) -> dict[str, list[float]]:
    """Read what `write_history` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name != "epoch"}


def save_figures(path: pathlib.Path, figures: dict) -> list[pathlib.Path]:
    """Save matplotlib figures as PNG files in `path/figures`, and close them."""
    import matplotlib.pyplot as plt

    folder = path / "figures"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{files.safe_name(name)}.png" for name in figures]
    for file, figure in zip(paths, figures.values(), strict=True):
        with files.atomic(file) as partial:
            figure.savefig(partial, dpi=120, bbox_inches="tight")
        plt.close(figure)
    return paths
