"""Inputs of `kerasdl predict`, from files to what the model was trained on."""

import pathlib

import numpy as np

from kerasdl import errors


def example(path: str, info: dict) -> np.ndarray:
    """One image file as the (height, width, channels) in [0, 1] that the run's data had."""
    import PIL.Image

    height, width, channels = info["shape"]
    if not pathlib.Path(path).is_file():
        raise errors.InvalidInput("input", "an image file", f"{path}, which does not exist")
    try:
        with PIL.Image.open(path) as image:
            image = image.convert("L" if channels == 1 else "RGB").resize((width, height))
    except PIL.UnidentifiedImageError:
        raise errors.InvalidInput("input", "an image file", path) from None
    return np.asarray(image, "float32").reshape(height, width, channels) / 255
