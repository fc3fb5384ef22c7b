"""Predict with a run's model for files, folders and patterns; draw the answers or write a table."""

import csv
import os
import pathlib
from collections.abc import Callable, Sequence

import keras

from kerasdl import errors
from kerasdl.runs import folder as run_folder
from kerasdl.tasks.task import Task
from kerasdl.utils import files, plain_text

CHUNK = 256  # inputs of which one that fails makes the others be predicted again
MOST_PICTURES = 100  # a picture takes a third of a second
# the columns of a .csv file of answers, which have the same names for every task
COLUMNS = {"prediction": "answer", "value": "answer", "text": "answer", "translation": "answer"}
LEFT_OUT = ("then",)  # the next two classes, as a text for people


def found(task: Task, inputs: str | os.PathLike | Sequence[str | os.PathLike]) -> list[str]:
    """Return the inputs, with the files of folders and patterns if the task takes files."""
    given = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    texts = [os.fspath(each) for each in given]
    if not task.takes_files:
        return texts
    return [file for text in texts for file in files.matching(text, task.suffixes)]


def answers(predict: Callable[[Sequence[str]], list[dict]], inputs: Sequence[str]) -> list[dict]:
    """Return the rows of the inputs in order; one that fails has a row with its "error".

    Args:
        predict: function from inputs to rows, which raises an error if one of them fails.
        inputs: list of str.
    """
    chunks = [inputs[first : first + CHUNK] for first in range(0, len(inputs), CHUNK)]
    return [row for chunk in chunks for row in _halved(predict, chunk)]


def _halved(predict, inputs):
    try:
        return predict(inputs)
    except (errors.InvalidInput, OSError) as error:
        if len(inputs) == 1:
            return [{"input": inputs[0], "error": " ".join(str(error).split())}]
    middle = len(inputs) // 2
    return [*_halved(predict, inputs[:middle]), *_halved(predict, inputs[middle:])]


def draw(task: Task, model: keras.Model, rows: list[dict], folder: pathlib.Path) -> None:
    """Draw the answers that a task can draw as PNG files, and name these in the rows."""
    drawable = [row for row in rows if "error" not in row] if task.drawn else []
    if len(drawable) > MOST_PICTURES:
        plain_text.tell(f"Pictures of the first {MOST_PICTURES} of {len(drawable):,} inputs.")
    for row in drawable[MOST_PICTURES:]:
        row["drawn"] = None
    drawable = drawable[:MOST_PICTURES]
    for row, name in zip(drawable, files.stems([row["input"] for row in drawable]), strict=True):
        (figure,) = task.explain(model, [row["input"]]).values()
        file = folder / f"{task.drawn}-{files.safe_name(name)}.png"
        row["drawn"] = str(file) if run_folder.save_figure(file, figure) else None


def write_answers(path: pathlib.Path, rows: list[dict], task: Task) -> None:
    """Write a .csv file with a row for each answer: file, answer, probability, ..., error.

    Args:
        path: The file.
        rows: list of dict, as `Run.predict` returns them.
        task: The task, which decides whether an input is called a file.
    """
    names = {**COLUMNS, "input": "file"} if task.takes_files else COLUMNS
    table = [{names.get(k, k): v for k, v in row.items() if k not in LEFT_OUT} for row in rows]
    columns = dict.fromkeys(name for row in table for name in row)
    columns.pop("error", None)
    path.parent.mkdir(parents=True, exist_ok=True)
    # names of files may not be UTF-8
    with (
        files.atomic(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.DictWriter(file, [*columns, "error"], restval="")
        writer.writeheader()
        writer.writerows(table)
