"""Handwritten digits of 8x8 pixels."""

import numpy as np

from kerasdl import errors
from kerasdl.data.splits import Source
from kerasdl.data.splitting import hold_out


def digits(seed, split="half", validation=0.1):
    """Digits written by hand: 1,797 grey images of 8x8 pixels, ten classes.

    From the UCI repository (Alpaydin, Kaynak, 1998), as scikit-learn ships it: other people wrote
    the later images than the earlier ones, so nothing is shuffled between the splits.

    split: "half", scikit-learn's own: the first 898 train and the last 899 test; or "1437": the
        first 1,437 train and the last 360 test.
    validation: Share of the training images that validates instead, from their end; 0 for none.
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
