"""Boxes and non-maximum suppression, compared with Keras and TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import boxes

RANDOM = np.random.default_rng(0)


def some(count, size=20.0):
    first = RANDOM.uniform(0, size, (count, 2))
    return np.concatenate([first, first + RANDOM.uniform(0.5, size, (count, 2))], axis=1)


def swapped(array):
    """Swap (x1, y1, x2, y2) and TensorFlow's (y1, x1, y2, x2)."""
    return array[:, [1, 0, 3, 2]]


def test_formats(same):
    corners = some(9)
    convert = keras.utils.bounding_boxes.convert_format
    theirs = convert(corners.astype("float32"), source="xyxy", target="center_xywh")
    name = "keras.utils.bounding_boxes.convert_format"
    centers = boxes.to_center(corners)
    same(boxes.to_center, name, centers, theirs)
    theirs = convert(centers.astype("float32"), source="center_xywh", target="xyxy")
    same(boxes.to_corners, name, boxes.to_corners(centers), theirs)
    np.testing.assert_allclose(boxes.to_corners(centers), corners)


def test_overlap(same):
    several, others = some(9), some(7)
    theirs = keras.utils.bounding_boxes.compute_iou(
        several.astype("float32"), others.astype("float32"), "xyxy"
    )
    same(boxes.iou, "keras.utils.bounding_boxes.compute_iou", boxes.iou(several, others), theirs)
    touching = boxes.iou(np.array([[0, 0, 2, 2]]), np.array([[2, 0, 4, 2], [9, 9, 10, 10]]))
    assert touching.tolist() == [[0, 0]]


def test_area_equals_the_number_of_covered_pixels(same):
    whole = np.concatenate([some(9, 8).round(), [[5, 5, 2, 9]]]).astype(int)
    image = np.zeros((len(whole), 30, 30))
    for picture, (x1, y1, x2, y2) in zip(image, whole, strict=True):
        picture[y1:y2, x1:x2] = 1
    theirs = tf.reduce_sum(image, axis=(1, 2))
    same(boxes.area, "tf.reduce_sum of painted boxes", boxes.area(whole), theirs)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_suppression(threshold, same, reference):
    numbers = reference("nms")
    ours = boxes.non_maximum_suppression(numbers["boxes"], numbers["scores"], threshold)
    name = "tf.image.non_max_suppression (fixture)"
    same(boxes.non_maximum_suppression, name, ours, numbers[f"keep_{threshold}"])
    several, scores = some(30), RANDOM.random(30)
    theirs = tf.image.non_max_suppression(swapped(several), scores, 30, threshold)
    ours = boxes.non_maximum_suppression(several, scores, threshold)
    same(boxes.non_maximum_suppression, "tf.image.non_max_suppression", ours, theirs)


def test_soft_suppression(same, reference):
    numbers = reference("nms")
    kept, scores = boxes.soft_non_maximum_suppression(numbers["boxes"], numbers["scores"])
    name = "tf.image.non_max_suppression_with_scores (fixture)"
    theirs = [numbers["soft_idx"], numbers["soft_scores"]]
    same(boxes.soft_non_maximum_suppression, name, [kept, scores], theirs)
    several, scores = some(30), RANDOM.random(30)
    theirs = tf.image.non_max_suppression_with_scores(
        swapped(several), scores.astype("float32"), 30, 1.0, 0.001, soft_nms_sigma=0.25
    )
    ours = boxes.soft_non_maximum_suppression(several, scores, sigma=0.5)
    same(
        boxes.soft_non_maximum_suppression,
        "tf.image.non_max_suppression_with_scores, half the sigma",
        list(ours),
        list(theirs),
    )


def test_sliding_windows_equal_tensorflows_patches(same):
    image = RANDOM.random((30, 45))
    theirs = tf.image.extract_patches(
        image[None, ..., None], [1, 20, 20, 1], [1, 10, 10, 1], [1] * 4, "VALID"
    )
    found = boxes.sliding_windows(30, 45, size=20, stride=10)
    ours = [image[y1:y2, x1:x2].ravel() for x1, y1, x2, y2 in found]
    same(boxes.sliding_windows, "tf.image.extract_patches", ours, tf.reshape(theirs, (-1, 400)))
