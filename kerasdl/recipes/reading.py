"""Inputs of `kerasdl predict`, from files to what the model was trained on."""

import pathlib

import numpy as np

from kerasdl import errors
from kerasdl.data import columns, images
from kerasdl.data.readers import table


def examples(path: str, run) -> tuple[list[dict], np.ndarray]:
    """What a file holds for `run`'s model: where each input stands, and the inputs."""
    if not run.info.get("columns"):
        return [{"input": path}], image(path, run.info)[None]
    _check(path, "a .csv file")
    known = [columns.Column(**column) for column in run.info["columns"]]
    lines, inputs = table.read_inputs(path, known, run.recipe.data_options.get("target"))
    return [{"input": path, "line": line} for line in lines], inputs


def image(path: str, info: dict) -> np.ndarray:
    """An image file as the (height, width, channels) in [0, 1] that the run's data had."""
    if len(info["shape"]) != 3:
        expected = "a run on images or on rows of a table (for others use `Run.model`)"
        raise errors.InvalidInput("run for an input", expected, info["name"])
    _check(path, "an image file")
    *size, channels = info["shape"]
    content = pathlib.Path(path).read_bytes()
    return images.pixels([content], images.decoder(size, channels), [path])[0] / np.float32(255)


def _check(path, expected):
    if not pathlib.Path(path).is_file():
        raise errors.InvalidInput("input", expected, f"{path}, which is no file")
