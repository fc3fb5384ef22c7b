"""Detection: AP of known answers, boxes in pixels of photos, files, and data that is refused."""

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import recipes
from kerasdl.boxes import connected_components
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.tasks import detection
from tests.tasks import made

SMALL = {"width": 8, "depths": (1, 1), "stem": "small", "strides": (2, 4), "units": 16}
RECIPE = recipes.get("retinanet_tiny").replace(
    data_options={"elements": "class,boxes", "objects": 2, "count": 40},
    image_size=32,
    model_options={**SMALL, "scale": 5.0},
    batch_size=4,
)
# the first pixel of each image is its number; the images have two, one, none, one, one objects
IMAGES = np.zeros((5, 10, 10, 3), "float32")
IMAGES[:, 0, 0] = np.arange(5)[:, None] / 10
CLASSES = np.array([[0, 1], [0, -1], [-1, -1], [0, -1], [1, -1]], "int32")
BOXES = np.zeros((5, 2, 4), "float32")
BOXES[CLASSES >= 0] = (0.1, 0.2, 0.5, 0.6)
BOXES[0, 1] = (0.5, 0.6, 0.9, 1.0)


class Model:
    """A detector that gives fixed answers for `IMAGES`, by default the truth."""

    name, floats_only = "model", False

    def __init__(self, **changes):
        scores = np.where(CLASSES >= 0, 0.875, 0.0).astype("float32")
        self.answers = {"boxes": BOXES, "class": CLASSES, "score": scores, **changes}

    def __call__(self, images):
        return np.asarray(images)

    def head(self, images):
        number = tf.cast(tf.round(10 * tf.convert_to_tensor(images)[:, 0, 0, 0]), "int32")
        return {name: tf.gather(part, number) for name, part in self.answers.items()}

    def detect(self, images):
        return self.head(images)

    def with_detections(self, **options):
        return options


@pytest.fixture(scope="module")
def known():
    targets = {"class": CLASSES, "boxes": BOXES}
    return made.splits(IMAGES, targets, "boxes", classes=("cat", "dog"))


@pytest.fixture(scope="module")
def task(known):
    return detection.Detection(known.info)


def test_the_truth_has_the_best_numbers(task, known):
    best = {"ap": 1.0, "ap50": 1.0, "recall": 1.0}
    assert task.evaluate(Model(), known.test) == pytest.approx(best)
    assert task.measure({"model": Model()}, Model(), known) == pytest.approx(best)


def test_an_object_that_is_not_found_costs_half_of_its_class(task, known):
    classes = CLASSES.copy()
    classes[4] = -1  # one of two dogs: its recall reaches 51 of the 101 points
    found = task.evaluate(Model(**{"class": classes}), known.test)
    assert found["ap50"] == pytest.approx((1 + 51 / 101) / 2)
    assert found["recall"] == pytest.approx((1 + 1 / 2) / 2)


def test_a_box_that_is_a_little_off_counts_for_the_lower_overlaps(task, known):
    moved = BOXES.copy()
    moved[..., 3] = np.where(CLASSES >= 0, BOXES[..., 1] + 0.29, 0)  # an overlap of 0.725
    found = task.evaluate(Model(boxes=moved), known.test)
    assert found["ap50"] == pytest.approx(1) and found["ap"] == pytest.approx(0.5)


def test_training_gets_a_class_for_each_box(task, known):
    _, targets = next(iter(task.prepare(known.train)))
    assert set(targets) == {"class", "boxes"} and targets["class"].shape == (3, 2)
    single = made.splits(
        IMAGES, {"class": CLASSES[:, 0], "boxes": BOXES[:, :1]}, "boxes", classes=("cat", "dog")
    )
    _, targets = next(iter(task.prepare(single.train)))
    np.testing.assert_array_equal(targets["class"], CLASSES[:3, :1])


def test_predicted_boxes_are_in_pixels_of_the_photo(task, tmp_path):
    photo = np.zeros((10, 30, 3), "uint8")  # the network sees the columns 10 to 20
    PIL.Image.fromarray(photo).save(tmp_path / "photo.png")
    (row,) = task.predict(Model(), [str(tmp_path / "photo.png")], tmp_path)
    expected = {"prediction": "cat 88%, dog 88%", "boxes": "11 2 15 6, 15 6 19 10"}
    assert row == {"input": str(tmp_path / "photo.png"), **expected}
    unsure = np.full((5, 2), detection.LOWEST - 0.01, "float32")
    (row,) = task.predict(Model(score=unsure), [str(tmp_path / "photo.png")], tmp_path)
    assert row["prediction"] == row["boxes"] == ""


def test_objects_are_drawn_with_their_scores(known, tmp_path):
    task = detection.Detection(known.info)
    task.write_examples(None, known, tmp_path / "examples")
    examples = sorted(str(file) for file in (tmp_path / "examples").iterdir())
    assert len(examples) == 5
    (draw,) = task.explain(Model(), examples[:1]).values()
    (axis,) = draw().axes
    assert [text.get_text() for text in axis.texts] == ["cat 88%", "dog 88%"]
    assert axis.images[0].get_array().shape[0] > 300  # more pixels than the network sees
    assert made.drawn(task.figures(Model(), known, {"loss": [1.0]})) == {"curves", "detections"}


def test_files_with_suppression_stay_in_floats(task, known):
    parts = task.exports(Model(), known)
    assert {name: part.floats_only for name, part in parts.items()} == {
        "model": False,
        "detections": True,
    }
    assert parts["detections"].model == {"lowest": detection.LOWEST, "count": detection.COUNT}
    assert all(len(part.inputs) == 5 for part in parts.values())


@pytest.mark.parametrize(("file", "holds"), [(0.9, True), (0.881, True), (0.879, False)])
def test_a_file_may_lose_two_points_of_ap50(task, file, holds):
    assert task.criterion.metric == "ap50" and task.criterion.holds(file, 0.9) == holds


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"elements": "boxes"}, "a class and a box for each object for detection of objects"),
        ({"elements": "mask"}, "data for detection of objects: boxes. Received: shapes, which is"),
    ],
)
def test_data_without_classes_and_boxes_is_refused(options, message, tmp_path):
    recipe = RECIPE.replace(data_options={**options, "count": 40})
    with pytest.raises(InvalidInput, match=message):
        recipe.run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_models_of_another_kind_or_size_are_refused():
    task = prepare.task_for(RECIPE, prepare.load_data(RECIPE).info)
    with pytest.raises(InvalidInput, match="a detector, such as retinanet_tiny"):
        task.check_model(kerasdl.create_model("unet_tiny"))
    with pytest.raises(InvalidInput, match=r"\(32, 32, 3\). Received: \(64, 64, 3\)"):
        task.check_model(kerasdl.create_model("retinanet_tiny"))


def test_a_run_writes_files_with_and_without_suppression(tmp_path):
    run = RECIPE.run(tmp_path / "run", fast=True, progress=False)
    assert (run.path / "figures" / "detections.png").exists()
    names = {file.name for file in (run.path / "export").iterdir()} if run.export() else set()
    assert {name for name in names if name.endswith(".tflite")} == {
        "detections-float.tflite",
        "model-float.tflite",
        "model-int8.tflite",
    }
    splits = run.load_data()
    parts = {"model": kerasdl.export.LiteRTModel(run.path / "export/model-float.tflite").predict}
    found = run.task.measure(parts, run.model, splits)
    assert found == pytest.approx(run.metrics["test"], abs=0.01)


def test_augmentation_moves_boxes_with_the_pixels():
    recipe = RECIPE.replace(augment="crop_flip")
    task = prepare.task_for(recipe, prepare.load_data(recipe).info)
    plain, moved = (
        next(iter(task.prepare(prepare.load_data(r).train)))[1] for r in (RECIPE, recipe)
    )
    assert plain["boxes"].shape == moved["boxes"].shape
    assert not np.allclose(plain["boxes"], moved["boxes"])
    empty = moved["class"].numpy() < 0
    assert not moved["boxes"].numpy()[empty].any()


@pytest.mark.rows("DET-01", "DET-21")
def test_four_tasks_differ_in_their_outputs():
    options = {"elements": "class,boxes,mask", "objects": 3, "count": 20, "batch_size": 2}
    splits = kerasdl.data.load("shapes", image_size=64, **options)
    images, targets = next(iter(splits.test))
    # the class of one object and its box
    one = kerasdl.create_model("localizer_tiny", input_shape=(64, 64, 3))(images)
    assert one["class"].shape[0] == 2 and one["box"].shape == (2, 4)
    # any number of classes and boxes, here up to seven
    several = kerasdl.create_model("retinanet_tiny").detect(images, count=7)
    assert several["class"].shape == (2, 7) and several["boxes"].shape == (2, 7, 4)
    # a class for each pixel
    pixels = kerasdl.create_model("unet_tiny", num_classes=6, input_shape=(64, 64, 3))(images)
    assert pixels.shape == (2, 64, 64, 6)
    # a mask for each object; these never touch, so they are the connected parts of a class
    for classes, boxes, mask in zip(*(targets[name].numpy() for name in targets), strict=True):
        masks, found, around = connected_components(mask, pixels=8)
        assert masks.shape == ((classes >= 0).sum(), 64, 64)
        assert sorted(found - 1) == sorted(classes[classes >= 0])
        given = boxes[classes >= 0] * 64
        np.testing.assert_allclose(sorted(around.tolist()), sorted(given.tolist()), atol=2)
