"""Every layer with any arguments and input shape works, or an error names what is wrong."""

import inspect

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

from kerasdl import layers
from kerasdl.errors import InvalidInput
from tests.conformance.layers import SUBJECTS
from tests.properties.common import check_message, options, settings

SIDES = st.sampled_from([1, 2, 3, 4, 7, 8])
SHAPE = st.lists(SIDES, min_size=2, max_size=5).map(tuple)
IMAGES = st.tuples(SIDES, SIDES, SIDES, st.sampled_from([1, 2, 4, 8]))
SEQUENCES = st.tuples(SIDES, SIDES, st.sampled_from([1, 2, 4, 8]))
PAIRS = st.tuples(SIDES, SIDES).map(lambda shape: [shape, shape])
CONTEXTS = st.builds(
    lambda batch, time, source, width: [(batch, time, width), (batch, source, 3)],
    *(SIDES, SIDES, SIDES, st.sampled_from([2, 4, 8])),
)
POOLED = st.builds(
    lambda batch, rows, columns, size: [
        (batch, rows, columns, 3),
        (batch, size * rows, size * columns, 3),
    ],
    *(SIDES, SIDES, SIDES, st.sampled_from([1, 2, 2, 2])),
)
TILED = st.tuples(SIDES, *2 * [st.sampled_from([8, 12, 16])], SIDES)
# for a grid of 2 x 2 after 0 or 2 tokens, and of 2 x 3
TABLED = st.tuples(SIDES, st.sampled_from([4, 6]), SIDES)
SCORED = st.tuples(SIDES, SIDES, st.just(6), st.just(6))
INPUTS = {"PatchEmbedding": TILED, "PositionTable": TABLED, "RelativePositionBias": SCORED}
INPUTS |= {"Sampling": PAIRS, "MaxUnpooling2D": POOLED, "TransformerDecoderBlock": CONTEXTS}
OF_SEQUENCES = ("SelfAttention", "CausalSelfAttention", "TransformerBlock", "CRF", "PeepholeLSTM")
INPUTS |= dict.fromkeys(OF_SEQUENCES, SEQUENCES)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_layer_works_or_names_what_is_wrong(subject):
    cls, likely = getattr(layers, subject.name), INPUTS.get(subject.name, IMAGES)
    parameters = inspect.signature(cls).parameters.values()
    names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    required = [p.name for p in parameters if p.name in names and p.default is p.empty]
    worked = 0

    @settings(50)
    @hypothesis.given(options(subject, names, required), st.one_of(likely, likely, likely, SHAPE))
    def check(chosen, shape):
        nonlocal worked
        try:
            outputs, layer = run(cls, chosen, shape)
        except InvalidInput as error:
            return check_message(error)
        worked += 1
        assert np.isfinite(outputs).all()
        assert outputs.shape == tuple(layer.compute_output_shape(shape))
        again = cls.from_config(layer.get_config())
        assert again.get_config() == layer.get_config()

    check()
    assert worked >= 5


def run(cls, chosen, shape):
    layer = cls(**chosen)
    several = isinstance(shape, list)
    random = np.random.default_rng(0)
    arrays = [random.normal(size=s).astype("float32") for s in (shape if several else [shape])]
    return keras.ops.convert_to_numpy(layer(arrays if several else arrays[0])), layer
