"""Builders for TensorFlow Datasets. Importing one registers its dataset: `Digits` as "digits".

builder = Digits(data_dir=folder)
builder.download_and_prepare()
kerasdl.data.load("tfds:digits", data_dir=folder)
"""

from kerasdl.data.builders.digits import Digits
from kerasdl.data.builders.shapes import Shapes

__all__ = ["Digits", "Shapes"]


def __dir__() -> list[str]:
    return __all__
