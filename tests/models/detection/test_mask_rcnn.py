"""Mask R-CNN: its loss and masks equal plain computations, and its file finds the same masks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import export, metrics
from kerasdl.boxes import align, paste
from kerasdl.data.sets import shapes
from kerasdl.errors import InvalidInput
from tests.models.detection.test_detectors import BOXES, CLASSES, random_outputs

SMALL = {"width": 16, "head_units": 64, "proposals": 12, "detections": 4}


@pytest.fixture(scope="module")
def known():
    """Four images with a pair of touching shapes of one class."""
    images, known = shapes.draw(
        np.random.default_rng(5), 12, 64, 64, 2, range(30), noise=0.02, touching=True
    )
    rows = np.flatnonzero(known["count"] == 2)[:4]
    targets = {name: known[name][rows] for name in ("class", "boxes", "instances")}
    return images[rows].astype("float32") / 255, targets


@pytest.fixture(scope="module")
def model(known):
    """A Mask R-CNN that was trained on these images."""
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model("mask_rcnn_tiny", **SMALL)
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(tf.data.Dataset.from_tensors(known).repeat(150), epochs=1, verbose=0, shuffle=False)
    return model


def masks_of(instances, count):
    return instances[:, None] == 1 + np.arange(count)[:, None, None]


@pytest.mark.slow
@pytest.mark.rows("DET-19", "DET-21")
def test_it_separates_touching_objects_of_one_class(model, known):
    images, true = known
    found = {name: part.numpy() for name, part in model.detect(images).items()}
    found["masks"] = paste(found["masks"], found["boxes"], (64, 64)).numpy() > 0.5
    metric = metrics.MeanAveragePrecision(5)
    metric.update_state({**true, "masks": masks_of(true["instances"], 2)}, found)
    assert metric.result()["ap50"] > 0.9


@pytest.mark.slow
def test_its_file_finds_the_same_masks(model, known, tmp_path):
    file = export.to_litert(model.with_detections(lowest=0.3), tmp_path / "m.tflite")
    for image in known[0][:2]:
        found = file.predict(image[None])
        for name, expected in model.detect(image[None], lowest=0.3).items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-4)


def test_the_loss_of_masks_is_the_entropy_of_the_true_class_in_matched_boxes():
    model = kerasdl.create_model("mask_rcnn_tiny", **SMALL)
    outputs = random_outputs(model)
    instances = np.zeros((2, 64, 64), "int32")
    for i, j in np.ndindex(CLASSES.shape):
        x1, y1, x2, y2 = np.round(64 * BOXES[i, j]).astype(int)
        instances[i, y1:y2, x1 : x1 + (x2 - x1) // 2] = j + 1  # the left half of each box
    # the true boxes, the first a little wider, and one of nothing
    found = np.zeros((2, 4, 6), "float32")
    found[:, :3, :4] = BOXES
    found[:, 0, 2] += 0.05
    outputs["found"] = found
    targets = {"class": CLASSES, "boxes": BOXES}
    boxes_only = model.image_losses(outputs, CLASSES, tf.constant(BOXES)).numpy()
    both = model.losses_of(outputs, {**targets, "instances": instances}).numpy()
    for i in range(2):
        entropies = []
        for j in np.flatnonzero(CLASSES[i] >= 0):
            mask = (instances[i] == j + 1)[None, ..., None].astype("float32")
            true = align(mask, found[i : i + 1, j : j + 1, :4], 28)[0, 0, ..., 0].numpy()
            p = 1 / (1 + np.exp(-outputs["masks"][i, j, ..., CLASSES[i, j] + 1]))
            entropies.append(-(true * np.log(p) + (1 - true) * np.log(1 - p)).mean())
        assert both[i] - boxes_only[i] == pytest.approx(np.mean(entropies), rel=1e-4)
    with pytest.raises(InvalidInput, match="with `instances`, the number of the object"):
        model.losses_of(outputs, targets)


def test_the_mask_of_each_boxs_own_class_is_returned():
    model = kerasdl.create_model("mask_rcnn_tiny", **SMALL)
    outputs = random_outputs(model, images=1)
    rows = [[0.1, 0.1, 0.5, 0.5, 3, 0.9], [0.2, 0.2, 0.4, 0.4, 1, 0.04], [0, 0, 0, 0, -1, 0.0]]
    outputs["found"] = np.array([[*rows, rows[-1]]], "float32")
    found = model.head(outputs)
    assert found["class"].numpy().tolist() == [[3, -1, -1, -1]]
    expected = 1 / (1 + np.exp(-outputs["masks"][0, 0, ..., 4]))
    np.testing.assert_allclose(found["masks"][0, 0], expected, rtol=1e-5)
    for name in ("boxes", "score", "masks"):
        assert not found[name][0, 1:].numpy().any()


def test_detections_are_the_best_boxes_and_carry_no_gradient():
    model = kerasdl.create_model("mask_rcnn_tiny", **SMALL)
    outputs = model(np.random.default_rng(0).random((2, 64, 64, 3)))
    layer = model.get_layer("found")
    given = {name: tf.constant(outputs[name]) for name in ("proposals", "class", "box")}
    with tf.GradientTape() as tape:
        tape.watch(given)
        found = layer(given)
    assert all(gradient is None for gradient in tape.gradient(found, given).values())
    np.testing.assert_allclose(found, outputs["found"], atol=1e-6)
    scores = found[..., 5].numpy()
    assert (np.diff(scores) <= 0).all() and (found[..., 4].numpy() >= 0).any()
