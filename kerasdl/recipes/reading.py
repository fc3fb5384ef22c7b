"""Inputs of `kerasdl predict`, from files to what the model was trained on."""

import pathlib

import numpy as np

from kerasdl import errors
from kerasdl.data import images


def image(path: str, info: dict) -> np.ndarray:
    """An image file as the (height, width, channels) in [0, 1] that the run's data had."""
    if len(info["shape"]) != 3:
        expected = "a run on images (this one learnt from rows of a table: use `Run.model`)"
        raise errors.InvalidInput("run for an image", expected, info["name"])
    if not pathlib.Path(path).is_file():
        raise errors.InvalidInput("input", "an image file", f"{path}, which does not exist")
    *size, channels = info["shape"]
    content = pathlib.Path(path).read_bytes()
    return images.pixels([content], images.decoder(size, channels), [path])[0] / np.float32(255)
