"""Anchors and feature pyramids, compared with torchvision, Keras, SciPy and TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from kerasdl.formulas import anchors, boxes, feature_pyramid

RANDOM = np.random.default_rng(0)


def test_anchor_shapes_have_equal_areas_at_every_ratio(same):
    shapes = anchors.anchor_shapes([32, 64], ratios=(0.5, 1, 2))
    width, height = np.moveaxis(shapes.reshape(3, 2, 2), -1, 0)
    log = np.log([0.5, 1, 2])[:, None] / 2
    theirs = [[32, 64] * tf.exp(sign * log) for sign in (-1, 1)]
    same(anchors.anchor_shapes, "tf.exp of half the ratio's log", [width, height], theirs)
    np.testing.assert_allclose(width * height, [[32**2, 64**2]] * 3)


def test_anchors_equal_torchvisions_retinanet(same, reference):
    numbers = reference("retinanet_anchors")
    ours = []
    for side, sizes in zip((8, 4, 2, 1, 1), numbers["sizes"], strict=True):
        # torchvision rounds the corners about 0
        shapes = np.round(anchors.anchor_shapes(sizes) / 2) * 2
        ours.append(anchors.anchors((side, side), (64 // side,) * 2, shapes, offset=0))
    name = "torchvision AnchorGenerator (fixture)"
    same(anchors.anchors, name, np.concatenate(ours), numbers["anchors"])
    exact = anchors.anchor_shapes(numbers["sizes"][0])
    theirs = boxes.to_center(numbers["anchors"][:9])[:, 2:]
    name = "torchvision AnchorGenerator, which rounds (fixture)"
    same(anchors.anchor_shapes, name, exact, theirs, at_most=1 / exact.max())


def test_anchors_are_centered_in_cells():
    found = anchors.anchors((9, 5), (16, 32), anchors.anchor_shapes([32, 64], (1, 2)))
    assert found.shape == (4 * 45, 4)
    centers = boxes.to_center(found)[::4, :2]
    assert centers[:2].tolist() == [[16, 8], [48, 8]]
    assert centers[-1].tolist() == [4.5 * 32, 8.5 * 16]


def test_box_encoding_and_decoding(same, reference):
    numbers = reference("box_coding")
    ours = anchors.encode(numbers["gt"], numbers["anchors"])
    same(anchors.encode, "torchvision BoxCoder (fixture)", ours, numbers["targets"])
    ours = anchors.decode(numbers["targets"], numbers["anchors"])
    same(anchors.decode, "torchvision BoxCoder (fixture)", ours, numbers["decoded"])
    keras_boxes = keras.utils.bounding_boxes
    theirs = keras_boxes.encode_box_to_deltas(
        numbers["anchors"], numbers["gt"], "xyxy", "xyxy", encoding_format="center_xywh"
    )
    ours = anchors.encode(numbers["gt"], numbers["anchors"])
    same(anchors.encode, "keras.utils.bounding_boxes.encode_box_to_deltas", ours, theirs)
    theirs = keras_boxes.decode_deltas_to_boxes(
        numbers["anchors"], numbers["targets"], "xyxy", "xyxy", encoded_format="center_xywh"
    )
    ours = anchors.decode(numbers["targets"], numbers["anchors"])
    same(anchors.decode, "keras.utils.bounding_boxes.decode_deltas_to_boxes", ours, theirs)


def test_assignment(same):
    every = anchors.anchors((8, 8), (8, 8), anchors.anchor_shapes([12, 24]))
    truths = np.array([[3.0, 5, 20, 18], [30, 30, 52, 60]])
    ours = anchors.assign(every, truths)
    overlap = keras.utils.bounding_boxes.compute_iou(
        every.astype("float32"), truths.astype("float32"), "xyxy"
    )
    best = tf.reduce_max(overlap, axis=1)
    boxes_of = tf.argmax(overlap, axis=1, output_type="int32")
    theirs = tf.where(best >= 0.5, boxes_of, tf.where(best < 0.4, -1, -2))
    same(anchors.assign, "keras.utils.bounding_boxes.compute_iou", ours, theirs)
    empty, full = np.sum(ours == -1), np.sum(ours >= 0)
    assert empty > 20 * full > 0  # most anchors overlap no object
    assert np.all(anchors.assign(every, np.zeros((0, 4))) == -1)


def test_prior_bias(same):
    priors = np.array([0.01, 0.1, 0.5])
    same(
        anchors.prior_bias, "scipy.special.logit", anchors.prior_bias(priors), special.logit(priors)
    )


@pytest.mark.parametrize("size", [(512, 256), (100, 75)])
def test_pyramid_levels_equal_the_sizes_of_strided_convolutions(size, same):
    x, theirs = keras.Input((*size, 1)), []
    for level in range(1, 8):
        x = keras.layers.Conv2D(1, 3, 2, padding="same")(x)
        theirs += [x.shape[1:3]] if level > 2 else []
    ours = anchors.pyramid_levels(*size)
    same(anchors.pyramid_levels, 'keras.layers.Conv2D("same"), strides 2', ours, theirs)


def test_feature_pyramid(same, reference):
    numbers = reference("fpn")

    def weights(block, level):
        kernel, bias = (numbers[f"w.{block}.{level}.0.{part}"] for part in ("weight", "bias"))
        return kernel.transpose(2, 3, 1, 0), bias

    maps = [numbers[name][0].transpose(1, 2, 0) for name in ("c3", "c4", "c5")]
    lateral = [weights("inner_blocks", level) for level in range(3)]
    smoothing = [weights("layer_blocks", level) for level in range(3)]
    ours = feature_pyramid.feature_pyramid(maps, lateral, smoothing)
    theirs = [numbers[f"p_{name}"][0].transpose(1, 2, 0) for name in ("c3", "c4", "c5")]
    name = "torchvision FeaturePyramidNetwork (fixture)"
    same(feature_pyramid.feature_pyramid, name, ours, theirs)
    assert {part.shape[-1] for part in ours} == {5}
    of_one_width = [RANDOM.random((side, side, 3)).astype("float32") for side in (8, 4)]
    larger = keras.layers.UpSampling2D()(of_one_width[1][None])
    theirs = [keras.layers.Add()([of_one_width[0][None], larger])[0], of_one_width[1]]
    ours = feature_pyramid.top_down(of_one_width)
    same(feature_pyramid.top_down, "keras.layers.UpSampling2D and Add", ours, theirs)
