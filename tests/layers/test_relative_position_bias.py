"""RelativePositionBias depends on the offset from key to query alone."""

import itertools

import keras
import numpy as np

from kerasdl.layers import RelativePositionBias

RANDOM = np.random.default_rng(0)


def test_the_bias_depends_on_the_offset_alone():
    layer = RelativePositionBias((2, 3))
    layer.build((None, 2, 6, 6))
    layer.table.assign(RANDOM.normal(size=layer.table.shape))
    bias = np.asarray(layer(keras.ops.zeros((1, 2, 6, 6))))[0]
    places = [divmod(i, 3) for i in range(6)]
    seen = {}
    for (i, a), (j, b) in itertools.product(enumerate(places), repeat=2):
        seen.setdefault((a[0] - b[0], a[1] - b[1]), set()).add(tuple(bias[:, i, j]))
    assert len(seen) == 3 * 5
    assert all(len(values) == 1 for values in seen.values())
