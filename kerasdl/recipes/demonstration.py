"""Which LiteRT files `kerasdl demo` shows."""

import pathlib
import sys

from kerasdl.errors import InvalidInput
from kerasdl.recipes.run import Run, open_run

RUNS = pathlib.Path("runs")


def litert_files(run: pathlib.Path | None = None, trust=False) -> list[pathlib.Path]:
    """A file itself; a folder's files; a run's exported classifiers; of no run, the newest one's.

    A run that was not exported is, as float and int8.
    """
    if run is not None and run.suffix == ".tflite":
        return [run]
    if run is not None and not (run / "config.json").exists() and list(run.glob("*.tflite")):
        return sorted(run.glob("*.tflite"))
    run = open_run(run, trust=trust) if run is not None else _newest()
    if not _classifies_images(run):
        expected = "one that classifies images"
        raise InvalidInput("run for the demo", expected, f"{run.path}, a run of {run.recipe.name}")
    if not _exported(run):
        print(f"Writing the LiteRT files of {run.path}", file=sys.stderr)
        run.export(["none", "int8"])
    return _exported(run)


def _newest():
    runs = [Run(file.parent) for file in RUNS.glob("*/metrics.json")]
    runs = [run for run in runs if (run.path / "config.json").is_file() and _classifies_images(run)]
    if not runs:
        expected = "a .tflite file or a run, or a finished image classifier in runs/"
        raise InvalidInput("argument RUN", expected, "none (kerasdl train simple_cnn makes one)")
    return max(runs, key=_rank)


def _rank(run):
    return bool(_exported(run)), (run.path / "metrics.json").stat().st_mtime


def _exported(run):
    return sorted((run.path / "export").glob("*.tflite"))


def _classifies_images(run):
    is_classifier = run.recipe.task == "supervised" and run.info["task"] == "classification"
    return is_classifier and len(run.info["shape"]) == 3
