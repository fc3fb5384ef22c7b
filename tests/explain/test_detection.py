"""Boxes of detected objects are drawn where they are, with a color for each label."""

import numpy as np
import pytest

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
