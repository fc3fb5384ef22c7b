"""Anchors, matching, suppression and alignment equal the formulas, TensorFlow and torchvision."""

import itertools
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import boxes, export
from kerasdl.errors import InvalidInput
from kerasdl.formulas import anchors as anchor_formulas
from kerasdl.formulas import boxes as box_formulas

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
RANDOM = np.random.default_rng(0)


def some_boxes(batch, count, largest=1.0):
    corners = RANDOM.random((batch, count, 2)) * largest
    return np.concatenate([corners, corners + 0.05 + RANDOM.random((batch, count, 2)) / 3], -1)


def test_anchors_of_a_pyramid_are_those_of_torchvision():
    fixture = np.load(REFERENCE / "retinanet_anchors.npz")
    sizes = dict(zip((8, 16, 32, 64), fixture["sizes"], strict=False))
    ours = boxes.pyramid_anchors((64, 64), sizes)
    for (stride, _), first in zip(sizes.items(), (0, 576, 720, 756), strict=True):
        theirs = fixture["anchors"][first] + stride / 2  # torchvision's are at corners of cells
        np.testing.assert_allclose(ours[first], theirs, atol=1.0)  # and are rounded
    assert len(ours) == 765


def test_anchors_of_an_odd_image_cover_its_border():
    found = boxes.pyramid_anchors((20, 33), {16: [8]}, ratios=[1.0])
    assert box_formulas.to_center(found)[:, :2].tolist() == [
        [8, 8], [24, 8], [40, 8], [8, 24], [24, 24], [40, 24]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"image_size": (0, 3)}, {"sizes": {}}, {"sizes": {8: []}}, {"ratios": [0.0]}]
)
def test_anchors_that_make_no_sense_are_refused(change):
    with pytest.raises(InvalidInput):
        boxes.pyramid_anchors(**{"image_size": (64, 64), "sizes": {8: [16]}, **change})


def test_matches_equal_the_formula():
    anchors, true = some_boxes(1, 200)[0], some_boxes(3, 6)
    found = boxes.match(anchors, true, every_box=False).numpy()
    for row, each in zip(found, true, strict=True):
        np.testing.assert_array_equal(row, anchor_formulas.assign(anchors, each))


def test_every_box_has_an_anchor():
    anchors, true = some_boxes(1, 20)[0], some_boxes(4, 3, 0.5)
    true[0, 2] = true[1] = 0  # rows of zeros are no boxes
    found = boxes.match(anchors, true).numpy()
    plain = boxes.match(anchors, true, every_box=False).numpy()
    for row, before, each in zip(found, plain, true, strict=True):
        overlaps = box_formulas.iou(anchors, each)
        given = [number for number, box in enumerate(each) if box.any()]
        nearest = {number: int(overlaps[:, number].argmax()) for number in given}
        for anchor in range(len(anchors)):
            claims = [number for number in given if nearest[number] == anchor]
            expected = max(claims, key=lambda n: overlaps[anchor, n]) if claims else before[anchor]
            assert row[anchor] == expected
    assert set(found[1]) == {-1}


def test_limits_of_matching_are_in_order():
    with pytest.raises(InvalidInput, match=r"at most `positive`, 0\.3"):
        boxes.match(np.zeros((1, 4)), np.zeros((1, 1, 4)), positive=0.3, negative=0.4)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_suppression_equals_tensorflow(threshold):
    fixture = np.load(REFERENCE / "nms.npz")
    kept, scores = boxes.suppress(
        fixture["boxes"][None], fixture["scores"][None], threshold=threshold, count=50
    )
    expected = fixture[f"keep_{threshold}"]
    expected = expected[fixture["scores"][expected] > 0]  # a score of 0 is no box
    np.testing.assert_array_equal(
        kept[0], np.pad(expected, (0, 50 - len(expected)), constant_values=-1)
    )
    np.testing.assert_allclose(scores[0, : len(expected)], fixture["scores"][expected])
    assert not scores[0, len(expected) :].numpy().any()


def test_suppression_of_each_image_equals_the_formula():
    found, scores = some_boxes(5, 120), RANDOM.random((5, 120)).astype("float32")
    kept, _ = boxes.suppress(found, scores, count=120)
    for row, some, confidence in zip(kept.numpy(), found, scores, strict=True):
        assert row[row >= 0].tolist() == box_formulas.non_maximum_suppression(some, confidence)


def test_a_long_chain_of_boxes_keeps_every_second():
    """Each box overlaps the next one, so whether one stays depends on all before it."""
    left = 0.6 * np.arange(40)
    chain = np.stack([left, 0 * left, left + 1, 0 * left + 1], -1)[None]
    kept, _ = boxes.suppress(chain, np.linspace(0.9, 0.1, 40)[None], threshold=0.2, count=40)
    assert kept[0, :20].numpy().tolist() == list(range(0, 40, 2)) and kept[0, 20] == -1


def test_boxes_of_other_classes_stay():
    box = np.tile([0.0, 0, 1, 1], (1, 4, 1))
    scores, classes = np.array([[0.9, 0.8, 0.7, 0.0]]), np.array([[0, 1, 0, 2]])
    kept, _ = boxes.suppress(box, scores, classes, count=3)
    assert kept.numpy().tolist() == [[0, 1, -1]]  # a score of 0 is no box


def test_suppression_of_many_classes_is_that_of_each_class_alone():
    found, scores = some_boxes(1, 200), RANDOM.random((1, 200)).astype("float32")
    classes = RANDOM.integers(0, 90, (1, 200))
    kept, _ = boxes.suppress(found, scores, classes, count=200)
    expected = []
    for name in range(90):
        rows = np.flatnonzero(classes[0] == name)
        alone = box_formulas.non_maximum_suppression(found[0, rows], scores[0, rows])
        expected += rows[alone].tolist()
    assert sorted(kept.numpy()[kept >= 0].tolist()) == sorted(expected)


def test_soft_suppression_equals_tensorflow():
    fixture = np.load(REFERENCE / "nms.npz")
    kept, scores = boxes.soft_suppress(
        fixture["boxes"][None], fixture["scores"][None], sigma=1.0, count=45
    )
    count = len(fixture["soft_idx"])
    np.testing.assert_array_equal(kept[0, :count], fixture["soft_idx"])
    np.testing.assert_allclose(scores[0, :count], fixture["soft_scores"], rtol=1e-5)
    assert (kept[0, count:].numpy() == -1).all()


def aligned(maps, box, size, samples):
    """RoI align as its definition says, point by point."""
    height, width, channels = maps.shape
    x1, y1, x2, y2 = box * [width, height, width, height] - 0.5
    found = np.zeros((size, size, channels))
    for row, column in itertools.product(range(size), repeat=2):
        for i, j in itertools.product(range(samples), repeat=2):
            y = np.clip(y1 + (row + (i + 0.5) / samples) * (y2 - y1) / size, 0, height - 1)
            x = np.clip(x1 + (column + (j + 0.5) / samples) * (x2 - x1) / size, 0, width - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            upper = maps[top, left] * (left + 1 - x) + maps[top, right] * (x - left)
            lower = maps[bottom, left] * (left + 1 - x) + maps[bottom, right] * (x - left)
            found[row, column] += (upper * (top + 1 - y) + lower * (y - top)) / samples**2
    return found


@pytest.mark.parametrize(("size", "samples"), [(7, 2), (3, 1), (2, 3)])
def test_alignment_equals_its_definition(size, samples):
    maps, some = RANDOM.random((2, 9, 6, 3)), some_boxes(2, 4)
    some[0, 0] = [-0.2, 0.1, 1.3, 0.9]  # beyond the border
    found = boxes.align(maps, some, size, samples).numpy()
    expected = [
        [aligned(m, b, size, samples) for b in each] for m, each in zip(maps, some, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_alignment_of_a_whole_map_with_points_at_its_features_is_the_map():
    maps = RANDOM.random((1, 4, 6, 2)).astype("float32")
    whole = np.array([[[0.0, 0, 4 / 6, 1]]])  # of the first four columns
    found = boxes.align(maps, whole, size=4, samples=1)
    np.testing.assert_allclose(found[0, 0], maps[0, :, :4], rtol=1e-5)


def test_boxes_have_gradients_by_which_they_could_move():
    maps, box = (
        tf.random.stateless_normal((1, 8, 8, 2), (0, 0)),
        tf.constant([[[0.2, 0.2, 0.7, 0.8]]]),
    )
    with tf.GradientTape() as tape:
        tape.watch(box)
        total = tf.reduce_sum(boxes.align(maps, box, size=2))
    assert np.abs(tape.gradient(total, box)).min() > 0


class Answers(keras.layers.Layer):
    """What a detector does with its outputs."""

    def call(self, inputs):
        some, scores, maps = inputs
        kept, confidence = boxes.suppress(some, scores, count=8)
        soft, _ = boxes.soft_suppress(some, scores, count=8)
        return kept, confidence, soft, boxes.align(maps, some, size=2)


def test_a_phone_suppresses_and_aligns_alike(tmp_path):
    inputs = [keras.Input(shape) for shape in ((30, 4), (30,), (5, 5, 3))]
    model = keras.Model(inputs, Answers()(inputs))
    file = export.to_litert(model, tmp_path / "m.tflite")
    arrays = (
        some_boxes(1, 30).astype("float32"),
        RANDOM.random((1, 30), "float32"),
        RANDOM.random((1, 5, 5, 3), "float32"),
    )
    theirs = file.predict(arrays)
    theirs = [*theirs.values()] if isinstance(theirs, dict) else theirs
    for found, expected in zip(theirs, model(arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"threshold": 2.0}, {"lowest": -1.0}])
def test_options_of_suppression_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        boxes.suppress(np.zeros((1, 2, 4)), np.zeros((1, 2)), **wrong)


@pytest.mark.rows("DET-21")
def test_two_objects_of_one_class_get_two_masks():
    mask = np.zeros((20, 20), int)
    mask[2:6, 3:7] = mask[10:16, 10:17] = 1
    mask[2:4, 12:15] = 2
    masks, classes, found = boxes.connected_components(mask)
    assert classes.tolist() == [1, 1, 2]
    assert found.tolist() == [[10, 10, 17, 16], [3, 2, 7, 6], [12, 2, 15, 4]]
    assert (masks.sum(axis=0) == (mask > 0)).all()
    assert masks.sum(axis=(1, 2)).tolist() == [42, 16, 6]
    large, _, _ = boxes.connected_components(mask, pixels=10)
    assert len(large) == 2
    assert [part.shape for part in boxes.connected_components(0 * mask)] == [
        (0, 20, 20), (0,), (0, 4)
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="a map of shape"):
        boxes.connected_components(np.zeros((1, 20, 20), int))


def test_objects_of_one_class_that_touch_are_found_as_one():
    mask = np.zeros((20, 20), int)
    mask[2:6, 2:6] = mask[6:9, 6:9] = 1
    masks, _, _ = boxes.connected_components(mask)
    assert len(masks) == 1


def test_pasted_masks_are_those_of_a_plain_loop():
    masks = RANDOM.random((1, 2, 5, 3)).astype("float32")
    places = np.array([[[0.1, 0.2, 0.8, 0.9], [0.5, 0.0, 0.5, 0.0]]], "float32")
    pasted = boxes.paste(masks, places, (12, 16)).numpy()
    expected = np.zeros((12, 16))
    x1, y1, x2, y2 = places[0, 0]
    for row, column in np.ndindex(12, 16):
        y, x = (row + 0.5) / 12, (column + 0.5) / 16
        if not (x1 < x < x2 and y1 < y < y2):
            continue
        v = np.clip((y - y1) / (y2 - y1) * 5 - 0.5, 0, 4)
        u = np.clip((x - x1) / (x2 - x1) * 3 - 0.5, 0, 2)
        for i, j in np.ndindex(5, 3):
            weight = max(1 - abs(v - i), 0) * max(1 - abs(u - j), 0)
            expected[row, column] += weight * masks[0, 0, i, j]
    np.testing.assert_allclose(pasted[0, 0], expected, atol=1e-5)
    assert not pasted[0, 1].any()  # an empty box


def test_a_mask_that_was_cut_out_is_pasted_back():
    mask = np.zeros((1, 40, 40, 1), "float32")
    mask[0, 10:30, 8:28] = np.tri(20)[..., None]
    box = np.array([[[8, 10, 28, 30]]], "float32") / 40
    cut = boxes.align(mask, box, 28)[..., 0]
    back = boxes.paste(cut, box, (40, 40)).numpy() > 0.5
    assert (back[0, 0] != (mask[0, ..., 0] > 0.5)).sum() <= 20  # pixels of the diagonal
