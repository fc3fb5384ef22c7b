"""Detectors: they learn, their losses equal their formulas, and their files find the same boxes."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import export, metrics
from kerasdl.formulas import anchors as anchor_formulas
from kerasdl.formulas import boxes as box_formulas
from kerasdl.formulas import detection
from kerasdl.models.detection import coding
from kerasdl.models.detection.faster_rcnn import PyramidAlign
from kerasdl.models.detection.feature_pyramid import feature_pyramid

REFERENCE = pathlib.Path(__file__).parents[2] / "reference"
RANDOM = np.random.default_rng(0)
ANCHORED = ("retinanet_tiny", "ssd_tiny")
TINY = ("faster_rcnn_tiny", "grid_detector_tiny", *ANCHORED)
# two images: one object, and three
BOXES = np.zeros((2, 3, 4), "float32")
BOXES[0, 0] = 0.1, 0.2, 0.5, 0.7
BOXES[1] = [0.0, 0.0, 0.3, 0.3], [0.5, 0.1, 0.9, 0.4], [0.3, 0.5, 0.8, 1.0]
CLASSES = np.array([[2, -1, -1], [0, 4, 0]], "int32")
TARGETS = {"class": CLASSES, "boxes": BOXES}


@pytest.fixture(scope="module")
def shapes():
    """Four images of 1 to 3 shapes, their classes and boxes."""
    options = {"elements": "class,boxes", "objects": 3, "count": 20, "batch_size": 4}
    splits = kerasdl.data.load("shapes", image_size=64, **options)
    return next(iter(splits.train))


@pytest.fixture(scope="module", params=TINY)
def model(request, shapes):
    """A detector that was trained on these images."""
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model(request.param)
    model.compile(keras.optimizers.Adam(2e-3))
    dataset = tf.data.Dataset.from_tensors(shapes).repeat(150)
    model.fit(dataset, epochs=1, verbose=0, shuffle=False)
    return model


def random_outputs(model, images=2):
    """Return outputs as the network gives them, but random."""
    return keras.tree.map_structure(
        lambda x: RANDOM.normal(size=(images, *x.shape[1:])).astype("float32"), model.output
    )


def ap50(true, found):
    metric = metrics.MeanAveragePrecision(5, image_size=(64, 64))
    metric.update_state(true, found)
    return float(metric.result()["ap50"])


@pytest.mark.rows("DET-05", "DET-20")
def test_it_learns_to_find_shapes(model, shapes):
    images, true = shapes
    assert ap50(true, model.detect(images)) > 0.9


def test_the_model_with_suppression_is_saved(model, shapes, tmp_path):
    model.with_detections(lowest=0.3).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")(shapes[0])
    for name, expected in model.detect(shapes[0], lowest=0.3).items():
        np.testing.assert_array_equal(loaded[name], expected)


def test_its_file_finds_the_same_boxes(model, shapes, tmp_path):
    file = export.to_litert(model.with_detections(lowest=0.3, count=20), tmp_path / "m.tflite")
    for image in shapes[0][:2]:
        found = file.predict(image[None].numpy())
        for name, expected in model.detect(image[None], lowest=0.3, count=20).items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)


def test_its_int8_file_finds_nearly_as_much(model, shapes, tmp_path):
    if model.floats_only:
        pytest.skip("the converter crashes on the suppression of overlapping proposals")
    images, true = shapes
    images = images.numpy()
    file = export.to_litert(model, tmp_path / "m.tflite", quantize="int8", calibration=images)
    found = [ap50(true, model.head(outputs)) for outputs in (model(images), file.predict(images))]
    assert found[1] >= found[0] - 0.02


def test_weights_of_images_scale_their_losses(model):
    outputs = random_outputs(model)
    both, first = (
        float(model.compute_loss(None, TARGETS, outputs, sample_weight=weight))
        for weight in (None, np.array([1.0, 0.0]))
    )
    alone = model.compute_loss(
        None,
        {name: part[:1] for name, part in TARGETS.items()},
        keras.tree.map_structure(lambda x: x[:1], outputs),
    )
    assert first == pytest.approx(float(alone) / 2, rel=1e-5) and both > first


def test_images_without_objects_have_a_finite_loss(model):
    empty = {"class": np.full((2, 3), -1), "boxes": np.zeros((2, 3, 4), "float32")}
    assert np.isfinite(float(model.compute_loss(None, empty, random_outputs(model))))


@pytest.mark.parametrize("name", ANCHORED)
def test_codes_of_the_truth_are_decoded_to_the_truth(name):
    model = kerasdl.create_model(name)
    anchors = np.asarray(model.head.anchors)
    scales = model.head.scales
    codes = np.asarray(coding.encode(BOXES[1][:, None], anchors[None], scales))
    plain = anchor_formulas.encode(
        np.broadcast_to(BOXES[1][:, None], codes.shape), np.broadcast_to(anchors, codes.shape)
    )
    np.testing.assert_allclose(codes * scales, plain, rtol=1e-4, atol=1e-4)
    near = np.abs(plain[..., 2:]).max(-1) < 4  # decoding limits how far a box grows
    decoded = np.asarray(coding.decode(codes, anchors[None], scales))
    expected = np.broadcast_to(BOXES[1][:, None], codes.shape)
    np.testing.assert_allclose(decoded[near], expected[near], atol=1e-4)


@pytest.mark.rows("DET-09", "LOS-12")
def test_the_loss_of_retinanet_is_that_of_its_formula():
    model = kerasdl.create_model("retinanet_tiny", box_weight=3.0)
    outputs, expected = random_outputs(model), []
    for boxes, classes, logits, codes in zip(BOXES, CLASSES, *outputs.values(), strict=True):
        there = classes >= 0
        matched = kerasdl.boxes.match(model.head.anchors, boxes[None]).numpy()[0]
        kept = matched != -2
        y = np.zeros_like(logits)
        y[matched >= 0, classes[matched[matched >= 0]]] = 1
        true = anchor_formulas.encode(boxes[there][np.maximum(matched, 0)], model.head.anchors)
        positive = (matched >= 0)[kept]
        moved = detection.smooth_l1(true[kept][positive], codes[kept][positive], beta=1 / 9)
        focal = detection.focal_loss(y[kept], logits[kept], gamma=2, alpha=0.25)
        expected.append((focal.sum() + 3 * moved.sum()) / positive.sum())
    ours = float(model.compute_loss(None, TARGETS, outputs))
    assert ours == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.rows("DET-09")
def test_the_heads_of_retinanet_are_shared_by_all_maps_and_start_with_the_prior():
    model = kerasdl.create_model("retinanet_tiny", strides=(8, 16, 32), head_depth=2)
    anchors = (8**2 + 4**2 + 2**2) * 9
    shapes = {name: tuple(x.shape) for name, x in model.output.items()}
    assert shapes == {"class": (None, anchors, 5), "box": (None, anchors, 4)}
    for name, numbers in (("class", 5), ("box", 4)):
        convolutions = [model.get_layer(f"{name}{i}") for i in (1, 2)]
        convolutions.append(model.get_layer(f"{name}_of_anchors"))
        assert [len(layer._inbound_nodes) for layer in convolutions] == [3, 3, 3]
        assert convolutions[-1].filters == 9 * numbers
    probabilities = keras.ops.sigmoid(model(np.zeros((1, 64, 64, 3)))["class"])
    np.testing.assert_allclose(probabilities, 0.01, rtol=1e-3)


def test_ssd_counts_three_of_the_background_for_each_matched_anchor():
    model = kerasdl.create_model("ssd_tiny")
    logits = RANDOM.normal(size=(1, 20, 3)).astype("float32")
    kinds = np.full((1, 20), -1)
    kinds[0, [3, 7]] = 0, 1
    losses = np.asarray(model.class_losses(kinds, logits))[0]
    probabilities = np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
    entropy = -np.log(probabilities[np.arange(20), kinds[0] + 1])
    hardest = sorted(set(range(20)) - {3, 7}, key=lambda i: -entropy[i])[:6]
    expected = np.where(np.isin(np.arange(20), [3, 7, *hardest]), entropy, 0)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.rows("DET-19")
def test_the_larger_of_two_objects_in_a_cell_is_found():
    model = kerasdl.create_model("grid_detector_tiny", widths=(8, 8), input_shape=(8, 8, 3))
    boxes = np.array([[[0.05, 0.05, 0.2, 0.2], [0.0, 0.0, 0.24, 0.24]]], "float32")
    cells = np.zeros((1, 4, 4, 10), "float32")
    cells[..., 0] = -20.0  # empty, but for the first cell, which has the larger box and its class
    cells[0, 0, 0, :5] = 20.0, 0.0, 0.0, *np.log(4 * 0.24).repeat(2)
    cells[0, 0, 0, 1:3] = np.log(0.48 / 0.52)
    cells[0, 0, 0, 5 + 3] = 20.0
    loss = model.compute_loss(None, {"class": np.array([[1, 3]]), "boxes": boxes}, cells)
    assert float(loss) == pytest.approx(0, abs=1e-4)
    found = model.head(cells)
    np.testing.assert_allclose(found["boxes"][0, 0], boxes[0, 1], atol=1e-5)
    assert found["class"][0, :2].numpy().tolist() == [3, -1]


def test_faster_rcnn_with_the_right_outputs_has_no_loss_and_finds_the_truth():
    model = kerasdl.create_model("faster_rcnn_tiny")
    anchors, count = np.asarray(model.proposer.anchors), model.proposer.count
    matched = kerasdl.boxes.match(anchors, BOXES, 0.7, 0.3).numpy()
    codes = [
        anchor_formulas.encode(true[np.maximum(rows, 0)], anchors)
        for true, rows in zip(BOXES, matched, strict=True)
    ]
    # proposals: each true box moved to the right by a tenth of its width, and many of nothing
    proposals = np.zeros((2, count, 4), "float32")
    width = BOXES[..., 2] - BOXES[..., 0]
    proposals[:, :3] = BOXES + 0.1 * width[..., None] * [1, 0, 1, 0]
    logits = np.full((2, count, 6), -20.0, "float32")
    boxes = np.zeros((2, count, 6, 4), "float32")
    logits[:, 3:, 0] = 20.0
    for image, object_ in np.ndindex(CLASSES.shape):
        name = CLASSES[image, object_] + 1
        logits[image, object_, name] = 20.0
        boxes[image, object_, name] = -1.0, 0.0, 0.0, 0.0  # a code is a tenth of the width
    outputs = {
        "object": np.where(matched >= 0, 20.0, -20.0)[..., None].astype("float32"),
        "move": np.where(matched[..., None] >= 0, codes, 0.0).astype("float32"),
        "proposals": proposals,
        "class": logits,
        "box": boxes,
    }
    assert float(model.compute_loss(None, TARGETS, outputs)) == pytest.approx(0, abs=1e-4)
    found = model.head(outputs)
    for image in range(2):
        order = np.argsort(BOXES[image, :, 0])
        order = order[CLASSES[image, order] >= 0]
        rows = np.argsort(found["boxes"][image, : len(order), 0])
        np.testing.assert_allclose(
            found["boxes"].numpy()[image, rows], BOXES[image, order], atol=1e-5
        )
        assert found["class"].numpy()[image, rows].tolist() == CLASSES[image, order].tolist()
        assert int(found["class"][image, len(order)]) == -1
    for name in ("object", "move", "class", "box"):  # each of the four parts counts
        other = {**outputs, name: np.roll(outputs[name], 1, axis=1) + 0.1}
        assert float(model.compute_loss(None, TARGETS, other)) > 1e-3, name


def test_proposals_do_not_overlap_and_carry_no_gradient():
    model = kerasdl.create_model("faster_rcnn_tiny")
    outputs = random_outputs(model)
    given = {name: tf.constant(outputs[name]) for name in ("object", "move")}
    with tf.GradientTape() as tape:
        tape.watch(given)
        found = model.proposer(given)
    assert all(gradient is None for gradient in tape.gradient(found, given).values())
    for boxes in found.numpy():
        boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(-1)]
        overlaps = box_formulas.iou(boxes, boxes) - np.eye(len(boxes))
        assert len(boxes) > 5 and overlaps.max() <= model.proposer.overlap + 1e-6


def test_features_are_cut_out_of_the_coarsest_map_in_which_a_box_is_large_enough():
    maps = [np.full((1, 64 // s, 64 // s, 1), s, "float32") for s in (1, 2, 4)]
    boxes = np.array([[[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.2, 0.2, 0.3, 0.3], [0, 0, 0, 0]]])
    cut = PyramidAlign(size=7)([boxes.astype("float32"), *maps])  # 64, 32, 6 and 0 pixels wide
    assert cut.shape == (1, 4, 7, 7, 1)
    np.testing.assert_allclose(cut[0, :, 3, 3, 0], [4, 2, 1, 1])
    np.testing.assert_allclose(cut, np.broadcast_to(cut[:, :, :1, :1], cut.shape))


@pytest.mark.rows("DET-08")
def test_the_feature_pyramid_equals_torchvisions():
    numbers = np.load(REFERENCE / "fpn.npz")
    maps = {i: numbers[f"c{i}"].transpose(0, 2, 3, 1) for i in (3, 4, 5)}
    inputs = {2**i: keras.Input(x.shape[1:]) for i, x in maps.items()}
    model = keras.Model([*inputs.values()], feature_pyramid(inputs, (8, 16, 32), width=5))
    for i, stride in enumerate((8, 16, 32)):
        for kind, block in (("lateral", "inner"), ("smooth", "layer")):
            kernel, bias = (
                numbers[f"w.{block}_blocks.{i}.0.{part}"] for part in ("weight", "bias")
            )
            model.get_layer(f"{kind}{stride}").set_weights([kernel.transpose(2, 3, 1, 0), bias])
    found = model([*maps.values()])
    for i in (3, 4, 5):
        np.testing.assert_allclose(
            found[2**i], numbers[f"p_c{i}"].transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5
        )


def test_a_frozen_backbone_keeps_its_statistics():
    model = kerasdl.create_model("retinanet_tiny", frozen_normalization=True)
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms and not any(layer.trainable_weights for layer in norms)
    before = [layer.get_weights() for layer in norms]
    model.compile(keras.optimizers.SGD(0.01))
    model.fit(RANDOM.random((2, 64, 64, 3)), TARGETS, verbose=0)
    for layer, weights in zip(norms, before, strict=True):
        for one, other in zip(layer.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(one, other)
