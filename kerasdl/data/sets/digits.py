"""Handwritten digits of 8x8 pixels."""

import numpy as np

from kerasdl import errors
from kerasdl.data.splits import Source
from kerasdl.data.splitting import hold_out


def digits(seed, split="half", validation=0.1) -> Source:
    """Digits: 1,797 handwritten digits, grayscale images of 8x8 pixels, ten classes.

    From the UCI repository (Alpaydin, Kaynak, 1998; CC BY 4.0), in scikit-learn. The later
    images were written by other people than the earlier ones, so they are not shuffled before the
    split.

    split: str, "half": train on the first 898 images and test on the last 899, as an example of
        scikit-learn does; or "1437": train on the first 1,437 and test on the last 360.
    validation: float, fraction of the training images to validate on, taken from their end; 0 for
        none.
    """
    import sklearn.datasets

    errors.one_of("split of `digits`", split, ("half", "1437"))
    data = sklearn.datasets.load_digits()
    images = (data.images[..., np.newaxis] / 16).astype("float32")  # (1797, 8, 8, 1)
    labels = data.target.astype("int32")
    boundary = {"half": 898, "1437": 1437}[split]
    train, validation = hold_out((images[:boundary], labels[:boundary]), validation)
    test = (images[boundary:], labels[boundary:])
    return Source("classification", train, validation, test, tuple("0123456789"))
