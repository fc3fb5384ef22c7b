"""MACs and parameters equal counts by hand; `tests/models/vision` tests published networks."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl import errors
from kerasdl.explain import counts


def model(*parts):
    return keras.Sequential(parts)


@pytest.mark.rows("CNA-34")
@pytest.mark.parametrize(
    ("shape", "parts", "expected"),
    [
        ((9, 9, 4), [layers.Conv2D(8, 3)], 7 * 7 * 8 * 9 * 4),
        ((9, 9, 4), [layers.Conv2D(8, 3, groups=2)], 7 * 7 * 8 * 9 * 2),
        ((9, 9, 4), [layers.Conv2D(8, 3, strides=2)], 4 * 4 * 8 * 9 * 4),
        ((8, 8, 4), [layers.Conv2D(8, 3, dilation_rate=2)], 4 * 4 * 8 * 9 * 4),
        ((9, 4), [layers.Conv1D(8, 3)], 7 * 8 * 3 * 4),
        ((5, 5, 5, 2), [layers.Conv3D(4, 3)], 27 * 4 * 27 * 2),
        ((9, 9, 4), [layers.DepthwiseConv2D(3, depth_multiplier=2)], 49 * 8 * 9),
        ((9, 9, 4), [layers.SeparableConv2D(8, 3)], 49 * 4 * 9 + 49 * 4 * 8),
        ((5, 5, 4), [layers.Conv2DTranspose(8, 3, strides=2)], 25 * 4 * 9 * 8),
        ((6,), [layers.Dense(5)], 30),
        ((7, 6), [layers.Dense(5)], 7 * 30),
        ((7, 6), [layers.EinsumDense("...x,xy->...y", 5)], 7 * 30),
        ((7, 6), [layers.EinsumDense("abc,cde->abde", (None, 2, 5))], 7 * 60),
        ((7,), [layers.Embedding(9, 4), layers.Dense(2)], 7 * 8),
        # 4, 3 or 1 gates, each computed from input and state
        ((7, 5), [layers.LSTM(4)], 7 * 4 * 4 * (5 + 4)),
        ((7, 5), [layers.LSTM(4, unroll=True)], 7 * 4 * 4 * (5 + 4)),
        ((7, 5), [layers.GRU(4)], 7 * 3 * 4 * (5 + 4)),
        ((7, 5), [layers.Bidirectional(layers.SimpleRNN(4))], 2 * 7 * 4 * (5 + 4)),
        ((7, 5), [layers.LSTM(4, return_sequences=True), layers.LSTM(3)], 7 * 16 * 9 + 7 * 12 * 7),
        ((9, 9, 4), [layers.BatchNormalization(), layers.MaxPooling2D()], 0),
    ],
)
def test_macs_equal_those_by_hand(shape, parts, expected):
    assert counts.macs(model(keras.Input(shape), *parts)) == expected


def test_attention_counts_four_projections_and_two_products():
    inputs = keras.Input((6, 8))
    outputs = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    assert counts.macs(keras.Model(inputs, outputs)) == 4 * 6 * 8 * 8 + 2 * 6 * 6 * 8


@pytest.mark.parametrize("arrange", [list, lambda inputs: {each.name: each for each in inputs}])
def test_models_with_several_inputs(arrange):
    inputs = [keras.Input((3,), name="b"), keras.Input((4,), name="a")]
    outputs = layers.Add()([layers.Dense(2)(each) for each in inputs])
    assert counts.macs(keras.Model(arrange(inputs), outputs)) == 2 * 3 + 2 * 4


class Twice(keras.Model):
    """A subclassed model that uses one layer twice, which its list of layers does not show."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, inputs):
        return self.dense(self.dense(inputs))


def test_a_layer_used_twice_counts_twice():
    assert counts.macs(Twice(), input_shape=(4,)) == 32


def test_input_shape_replaces_unknown_sizes():
    network = model(keras.Input((None, None, 4)), layers.Conv2D(8, 3))
    assert counts.macs(network, input_shape=(9, 9, 4)) == 7 * 7 * 8 * 9 * 4


def test_parameters_equal_keras():
    network = model(keras.Input((4,)), layers.Dense(3), layers.BatchNormalization())
    assert counts.parameters(network) == (15 + 6, 15 + 12)
    assert counts.parameters(network).total == network.count_params()
    network.layers[0].trainable = False
    assert counts.parameters(network) == (6, 27)


def test_unknown_sizes_are_refused():
    with pytest.raises(errors.InvalidInput, match=r"without None for the input \(None, 4\)"):
        counts.macs(model(keras.Input((None, 4)), layers.Dense(2)))
    with pytest.raises(errors.InvalidInput, match=r"has no `keras.Input`\. Received: None"):
        counts.macs(Twice())


def test_a_loop_whose_length_depends_on_the_input_is_refused():
    class Endless(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.while_loop(
                lambda x: keras.ops.sum(x) < 9.0, lambda x: (x + 1.0,), (inputs,)
            )[0]

    with pytest.raises(errors.InvalidInput, match="loops with a known number of steps"):
        counts.macs(model(keras.Input((3,)), Endless()))
    np.testing.assert_array_equal(Endless()(np.zeros((1, 3), "float32")), [[3, 3, 3]])
