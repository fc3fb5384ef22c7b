"""Choose the LiteRT files that `kerasdl demo` shows."""

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from kerasdl.errors import InvalidInput
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.runs.folder import CONFIG, METRICS
from kerasdl.utils import plain_text

if TYPE_CHECKING:  # it imports TensorFlow, which a .tflite file does not need
    from kerasdl.runs.run import Run

RUNS = pathlib.Path("runs")


def litert_files(
    path: pathlib.Path | None, open_run: Callable[[pathlib.Path], "Run"]
) -> list[pathlib.Path]:
    """Return the LiteRT files to show.

    Args:
        path: A `.tflite` file; a folder of such files; or a run that classifies images, of which
            the exported and the compressed files are shown. It is exported as float and int8 if it
            has none. By default the newest such run in `runs/`.
        open_run: function that opens a run folder.
    """
    if path is not None and path.suffix == ".tflite":
        return [path]
    if path is not None and not (path / CONFIG).exists() and list(path.glob("*.tflite")):
        return sorted(path.glob("*.tflite"))
    run = open_run(path) if path is not None else _newest(open_run)
    if not run.task.shown_in_demo:
        expected = "one that classifies images"
        raise InvalidInput("run for the demo", expected, f"{run.path}, a run of {run.recipe.name}")
    if not _exported(run.path):
        plain_text.tell(f"Writing the LiteRT files of {run.path}")
        run.export(["none", "int8"])
    return _exported(run.path)


def _newest(open_run):
    runs = []
    for folder in sorted(file.parent for file in RUNS.glob(f"*/{METRICS}")):
        if (folder / CONFIG).is_file():
            try:
                runs.append(open_run(folder))
            except InvalidInput as error:  # the others can be shown
                plain_text.tell(f"{folder} is left out: {error}")
    runs = [run for run in runs if run.task.shown_in_demo]
    if not runs:
        expected = "a .tflite file or a run, or a finished image classifier in runs/"
        raise InvalidInput("argument RUN", expected, "none (kerasdl train simple_cnn makes one)")
    return max(runs, key=_rank)


def _rank(run):
    return bool(_exported(run.path)), (run.path / METRICS).stat().st_mtime


def _exported(path):
    """Return the files of `export`, and those of `compress` by other methods."""
    files = sorted((path / "export").glob("*.tflite"))
    methods = {file.stem.removeprefix("model-") for file in files}
    compressed = sorted((path / "compressed").glob("*.tflite"))
    files += [file for file in compressed if file.stem not in methods]
    return [file for file in files if _takes_floats(file)]


def _takes_floats(file):
    """Return whether a file takes floats, as the page gives them."""
    try:
        return not LiteRTModel(file).input_scales
    except InvalidInput:  # the page's server tells what is wrong with it
        return True
