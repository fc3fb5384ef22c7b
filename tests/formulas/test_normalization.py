"""Normalization: formula against TensorFlow and torch's numbers."""

import pathlib

import numpy as np
import tensorflow as tf

from kerasdl.formulas import normalization

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lrn.npz")


def test_local_response_normalization_is_the_papers():
    x = REFERENCE["x"].transpose(0, 2, 3, 1)
    settings = {"bias": float(REFERENCE["k"]), "beta": float(REFERENCE["beta"])}
    for alpha, expected in (("alpha", "y_paper"), ("alpha_big", "y_paper_big")):
        alpha = float(REFERENCE[alpha])
        ours = normalization.local_response_normalization(x, 2, alpha=alpha, **settings)
        np.testing.assert_allclose(ours, REFERENCE[expected].transpose(0, 2, 3, 1), atol=1e-6)
        theirs = tf.nn.local_response_normalization(x, 2, alpha=alpha, **settings)
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
