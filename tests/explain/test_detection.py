"""Boxes of detected objects are drawn where they are, with a color for each label."""

import numpy as np
import pytest
from matplotlib import colors

from kerasdl import explain
from kerasdl.errors import InvalidInput

IMAGES = np.zeros((2, 10, 20, 3), "float32")


def test_detections_are_outlined_and_labeled():
    boxes = [np.array([[0.1, 0.2, 0.5, 1.0], [0.5, 0.0, 1.0, 0.5]]), np.zeros((0, 4))]
    true = np.zeros((2, 2, 4))
    true[1, 0] = 0.0, 0.0, 0.5, 0.5
    figure = explain.detections(IMAGES, boxes, [["dog", "cat"], []], true)
    first, second = figure.axes[:2]
    assert [line.get_label() for line in first.lines] == ["dog", "cat"]
    x, y = first.lines[0].get_data()  # pixel centers are whole numbers
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((1.5, 9.5, 1.5, 9.5))
    assert first.lines[0].get_color() != first.lines[1].get_color()
    (dashed,) = second.lines  # rows of zeros are no boxes
    assert dashed.get_linestyle() == "--" and dashed.get_data()[0].max() == pytest.approx(9.5)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["cat", "dog"]


def test_scores_are_written_beside_the_boxes():
    boxes = [np.array([[0.1, 0.2, 0.5, 1.0]]), np.array([[-0.1, 0.0, 0.5, 0.5]])]
    figure = explain.detections(IMAGES, boxes, [["_$dog"], ["cat"]], scores=[[0.5], [0.961]])
    first, second = (axis.texts for axis in figure.axes[:2])
    assert [text.get_text() for text in first] == [r" _\$dog 50%"]
    assert first[0].get_position() == pytest.approx((1.5, 1.5)) and not figure.legends
    assert [text.get_text() for text in second] == ["cat 96%"]
    assert second[0].get_position() == pytest.approx((-0.5, -0.5))  # within the image
    with pytest.raises(InvalidInput, match="one for each box"):
        explain.detections(IMAGES, boxes, [["dog"], ["cat"]], scores=[[0.5], []])


def test_each_image_needs_boxes_and_labels():
    with pytest.raises(InvalidInput, match="boxes and labels for each of 2 images"):
        explain.detections(IMAGES, [np.zeros((0, 4))], [[]])


def test_masks_are_tinted_with_the_color_of_their_label():
    boxes = [np.array([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]), np.zeros((0, 4))]
    masks = [np.zeros((2, *IMAGES.shape[1:3]), bool), np.zeros((0, *IMAGES.shape[1:3]), bool)]
    masks[0][0, :3, :2] = masks[0][1, 5:, 5:] = True
    figure = explain.detections(IMAGES, boxes, [["dog", "cat"], []], masks=masks)
    first, second = (axis.images[0].get_array() for axis in figure.axes[:2])
    changed = (first != IMAGES[0]).any(axis=-1)
    np.testing.assert_array_equal(changed, masks[0].any(axis=0))
    lines = {line.get_label(): line.get_color() for line in figure.axes[0].lines}
    for mask, label in zip(masks[0], ("dog", "cat"), strict=True):
        expected = 0.5 * IMAGES[0][mask] + 0.5 * np.array(colors.to_rgb(lines[label]))
        np.testing.assert_allclose(first[mask], expected, atol=1e-6)
    np.testing.assert_array_equal(second, IMAGES[1])
    with pytest.raises(InvalidInput, match="pixels for each box"):
        explain.detections(IMAGES, boxes, [["dog", "cat"], []], masks=masks[::-1])
