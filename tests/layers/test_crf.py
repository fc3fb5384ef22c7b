"""CRF and its loss equal pytorch-crf and sums over all paths; decoding finds the best path."""

import itertools
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import export, losses
from kerasdl.errors import InvalidInput
from kerasdl.layers import CRF

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "crf.npz")
RANDOM = np.random.default_rng(0)
MASK = REFERENCE["mask"]


@pytest.fixture
def crf():
    """Return a layer with the weights of the reference."""
    layer = CRF()
    layer.build(REFERENCE["emissions"].shape)
    layer.set_weights([REFERENCE[name] for name in ("start", "transitions", "end")])
    return layer


def emissions():
    return keras.ops.convert_to_tensor(REFERENCE["emissions"], "float32")


def scores_of_all_paths(layer, logits):
    """Return the score of each path of tags through the logits (steps, tags) of a sequence."""
    start, transitions, end = layer.get_weights()
    return {
        path: start[path[0]]
        + sum(logits[t, tag] for t, tag in enumerate(path))
        + sum(transitions[i, j] for i, j in itertools.pairwise(path))
        + end[path[-1]]
        for path in itertools.product(range(logits.shape[1]), repeat=len(logits))
    }


@pytest.mark.parametrize("padding", [-1, 2])
def test_loss_and_gradients_equal_pytorch_crf(crf, padding):
    x = tf.Variable(emissions())
    with tf.GradientTape() as tape:
        potentials = crf(x, mask=tf.constant(MASK))
        if padding >= 0:  # any tag, where Keras's mask says what is padding
            potentials._keras_mask = tf.constant(MASK)
        tags = np.where(MASK, REFERENCE["tags"], padding)
        each = losses.TaggingLoss(reduction=None)(tags, potentials)
        mean = tf.reduce_mean(each)
    np.testing.assert_allclose(each, REFERENCE["nll"], atol=1e-5)
    weights = {"emissions": x, "start": crf.start.value}
    weights |= {"transitions": crf.transitions.value, "end": crf.end.value}
    for name, gradient in tape.gradient(mean, weights).items():
        np.testing.assert_allclose(gradient, REFERENCE[f"grad_{name}"], atol=1e-5)
    assert float(losses.TaggingLoss()(tags, potentials)) == pytest.approx(REFERENCE["loss"])


def test_decoded_paths_equal_pytorch_crf(crf):
    paths = np.array(CRF.decode(crf(emissions(), mask=tf.constant(MASK))))
    assert paths.dtype == "int32"
    np.testing.assert_array_equal(np.where(MASK, paths, -1), REFERENCE["paths"])


def test_loss_and_path_equal_those_of_all_paths_of_any_length():
    layer = CRF()
    layer.build((None, None, 3))
    layer.set_weights([RANDOM.normal(size=weight.shape) for weight in layer.get_weights()])
    for steps in (1, 2, 5):
        logits = RANDOM.normal(size=(steps, 3)).astype("float32")
        scores = scores_of_all_paths(layer, logits)
        potentials = layer(logits[None])
        best = max(scores, key=scores.get)
        np.testing.assert_array_equal(CRF.decode(potentials), [best])
        log_z = np.log(np.sum(np.exp(list(scores.values()))))
        for path in (best, (0,) * steps):
            loss = losses.TaggingLoss()(np.array([path]), potentials)
            assert float(loss) == pytest.approx(log_z - scores[path], abs=1e-4)


def test_the_loss_of_a_tag_that_is_not_known_is_that_of_all_its_paths(crf):
    potentials = crf(emissions()[:1])
    tags = REFERENCE["tags"][:1].copy()
    tags[0, 2] = -1
    each = []
    for tag in range(4):
        tags_with = np.where(tags < 0, tag, tags)
        each.append(float(losses.TaggingLoss()(tags_with, potentials)))
    together = -np.log(np.sum(np.exp(-np.array(each))))
    assert float(losses.TaggingLoss()(tags, potentials)) == pytest.approx(together, abs=1e-5)


def test_transitions_that_never_occur_are_learned():
    """With logits of zero only the transitions tell tags apart: 0 and 1 alternate."""
    logits = np.zeros((8, 5, 2), "float32")
    tags = np.array([[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]] * 4)
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, CRF()(inputs))
    model.compile(keras.optimizers.Adam(0.3), losses.TaggingLoss())
    model.fit(logits, tags, epochs=40, verbose=0)
    assert model.evaluate(logits, tags, verbose=0) == pytest.approx(np.log(2), abs=0.02)
    logits[0, 0, 1] = 1.0
    np.testing.assert_array_equal(CRF.decode(model.predict(logits, verbose=0))[0], tags[1])


def test_sequences_of_any_length_use_one_graph():
    traced = []

    layer = CRF()
    layer.build((None, None, 3))

    @tf.function(input_signature=[tf.TensorSpec((None, None, 3))])
    def path(logits):
        traced.append(1)
        return CRF.decode(layer(logits))

    for batch, steps in ((2, 3), (1, 7), (4, 1)):
        logits = RANDOM.normal(size=(batch, steps, 3)).astype("float32")
        np.testing.assert_array_equal(path(logits), logits.argmax(-1))  # without transitions
    assert traced == [1]


class Decode(keras.Layer):
    """Give the tags of potentials, as a layer of a network to export."""

    def call(self, inputs):
        return CRF.decode(inputs)


def test_decoding_runs_in_litert(tmp_path):
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, Decode()(CRF()(inputs)))
    model.set_weights([REFERENCE[name] for name in ("start", "transitions", "end")])
    file = export.to_litert(model, tmp_path / "tags.tflite")
    logits = RANDOM.normal(size=(5, 6, 4)).astype("float32")
    np.testing.assert_array_equal(file.predict(logits), model(logits))


def test_wrong_shapes_are_named():
    with pytest.raises(InvalidInput, match=r"\(batch, time, tags\)"):
        CRF()(np.zeros((2, 3), "float32"))
