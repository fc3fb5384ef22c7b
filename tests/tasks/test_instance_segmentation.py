"""Instance segmentation: AP of known masks, its baseline, drawings, and data that is refused."""

import json

import numpy as np
import pytest

import kerasdl
from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.tasks import instance_segmentation
from tests.tasks import made

# two images: two touching objects of class 1, each half of a square, and one of class 0
INSTANCES = np.zeros((2, 10, 10), "int32")
INSTANCES[0, 2:8, 2:5], INSTANCES[0, 2:8, 5:8], INSTANCES[1, :5, :5] = 1, 2, 1
CLASSES = np.array([[1, 1], [0, -1]], "int32")
BOXES = np.array(
    [[[0.2, 0.2, 0.5, 0.8], [0.5, 0.2, 0.8, 0.8]], [[0, 0, 0.5, 0.5], [0, 0, 0, 0]]], "float32"
)
IMAGES = np.zeros((2, 10, 10, 3), "float32")
FOUND = {
    "boxes": BOXES,
    "class": CLASSES,
    "score": np.where(CLASSES >= 0, 0.875, 0.0).astype("float32"),
    "masks": np.ones((2, 2, 28, 28), "float32"),
}


@pytest.fixture(scope="module")
def known():
    targets = {"class": CLASSES, "boxes": BOXES, "instances": INSTANCES}
    return made.splits(IMAGES, targets, "boxes", classes=("cat", "dog"))


@pytest.fixture(scope="module")
def task(known):
    return instance_segmentation.InstanceSegmentation(known.info)


@pytest.fixture(scope="module")
def numbers(task, known):
    """A function that returns the metrics of fixed detections in both images."""
    return lambda **changes: task._metrics(
        lambda images: {**FOUND, **changes}, task.prepare(known.test)
    )


def test_the_truth_has_the_best_numbers(numbers):
    expected = {"mask_ap": 1.0, "mask_ap50": 1.0, "ap50": 1.0}
    assert numbers() == pytest.approx(expected)


def test_masks_count_apart_from_boxes(numbers):
    halves = FOUND["masks"].copy()
    halves[..., 20:, :] = 0.0  # the upper 5/7 of each box; of 6 rows 4, of 5 rows 3 or 4
    found = numbers(masks=halves)
    assert found["ap50"] == pytest.approx(1) and found["mask_ap50"] == pytest.approx(1)
    assert 0 < found["mask_ap"] < 0.6
    assert numbers(masks=0.4 * FOUND["masks"])["mask_ap50"] == 0


def test_connected_parts_join_touching_objects(task, known):
    (found,) = task.baselines(known).values()
    # of class 0 all are found; those of class 1 are one part, which overlaps each by a half
    assert set(found) == {"mask_ap", "mask_ap50"}
    assert found["mask_ap50"] < 0.9


@pytest.mark.rows("DET-21")
def test_the_recipe_beats_connected_parts_of_the_true_classes():
    recipe = recipes.get("mask_rcnn_tiny")
    splits = prepare.load_data(recipe)
    task = prepare.task_for(recipe, splits.info)
    (baseline,) = task.baselines(splits).values()
    file = recipes.RESULTS / "mask_rcnn_tiny.json"
    seeds = json.loads(file.read_text(encoding="utf-8"))["seeds"].values()
    for name in ("mask_ap", "mask_ap50"):
        assert min(seed["test"][name] for seed in seeds) > baseline[name]
    assert baseline["mask_ap50"] < 0.9


def test_masks_are_drawn(task):
    figure = task._draw(IMAGES, FOUND)
    first, second = (axis.images[0].get_array() for axis in figure.axes[:2])
    np.testing.assert_array_equal(first.any(axis=-1), INSTANCES[0] > 0)
    np.testing.assert_array_equal(second.any(axis=-1), INSTANCES[1] > 0)


def test_data_without_instances_and_models_without_masks_are_refused(tmp_path):
    recipe = recipes.get("mask_rcnn_tiny")
    options = {"elements": "class,boxes", "objects": 2, "count": 40}
    with pytest.raises(InvalidInput, match=r"`instances`, for instance segmentation"):
        recipe.replace(data_options=options).run(tmp_path / "run", progress=False)
    data = prepare.load_data(recipe.replace(data_options={**recipe.data_options, "count": 40}))
    task = prepare.task_for(recipe, data.info)
    with pytest.raises(InvalidInput, match=r"with masks, such as mask_rcnn_tiny. Received: retina"):
        task.check_model(kerasdl.create_model("retinanet_tiny"))
    task = prepare.task_for(recipes.get("retinanet_tiny"), data.info)
    with pytest.raises(InvalidInput, match=r"such as retinanet_tiny. Received: mask_rcnn_tiny"):
        task.check_model(kerasdl.create_model("mask_rcnn_tiny"))
