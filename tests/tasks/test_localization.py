"""Localization: what counts as localized, and data that is refused."""

import numpy as np
import pytest
import tensorflow as tf

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.tasks import localization
from tests.tasks import made

RECIPE = recipes.get("localizer").replace(data_options={"elements": "class,boxes", "count": 60})


def test_localization_needs_the_class_and_half_of_the_union():
    logits = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    box = np.array([[0.0, 0.0, 1.0, 1.0]])
    near, far = np.array([[0.0, 0.0, 1.0, 0.6]]), np.array([[0.0, 0.0, 1.0, 0.4]])
    outputs = {"class": logits, "box": np.concatenate([box, near, far, box])}
    targets = {"class": np.array([0, 1, 2, 1]), "boxes": np.tile(box[:, None], (4, 1, 1))}
    found = localization._metrics(outputs, targets)
    assert found["accuracy"] == 0.75 and found["iou"] == pytest.approx((1 + 0.6 + 0.4 + 1) / 4)
    assert found["localized"] == 0.5


@pytest.mark.parametrize(
    "options", [{"elements": "boxes"}, {"elements": "class,boxes", "objects": 3}]
)
def test_data_without_one_class_and_box_is_refused(options, tmp_path):
    recipe = RECIPE.replace(data_options={**options, "count": 60})
    with pytest.raises(InvalidInput, match="a class and one box for each image"):
        recipe.run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_predictions_have_boxes_that_can_be_drawn(tmp_path):
    splits = prepare.load_data(RECIPE)
    task = prepare.task_for(RECIPE, splits.info)
    model = prepare.compiled_model(RECIPE, task, steps=1)
    task.write_examples(model, splits, tmp_path / "examples")
    files = [str(path) for path in sorted((tmp_path / "examples").iterdir())]
    rows = task.predict(model, files[:2], tmp_path)
    assert len(rows) == 2 and rows[0]["prediction"] in splits.info.classes
    assert len(rows[0]["box"].split()) == 4
    assert made.drawn(task.explain(model, files[:1])) == {"boxes_of_inputs"}


@pytest.mark.parametrize(("iou", "localized"), [(0.5, 0.0), (0.51, 1.0)])
def test_half_of_the_union_is_not_enough(iou, localized):
    outputs = {"class": np.eye(2)[[0]], "box": np.array([[0.0, 0.0, 1.0, iou]])}
    targets = {"class": np.array([0]), "boxes": np.array([[[0.0, 0.0, 1.0, 1.0]]])}
    assert localization._metrics(outputs, targets)["localized"] == localized


IMAGES = np.random.default_rng(0).random((5, 8, 8, 3)).astype("float32")
CLASSES = np.array([1, 0, 1, 2, 0], "int32")
BOXES = np.tile(np.array([0.0, 0.25, 0.5, 1.0], "float32"), (5, 1, 1))


class Model:
    """A network that predicts the true boxes and class 1, with a probability of 3/4 or more."""

    def predict_on_batch(self, images):
        logits = np.tile(np.log(np.array([[0.125, 0.75, 0.125]], "float32")), (len(images), 1))
        return {"class": logits, "box": BOXES[: len(images), 0]}

    def __call__(self, images, training):
        count = tf.shape(images)[0]
        outputs = self.predict_on_batch(IMAGES[:1])
        return {name: tf.repeat(output, count, axis=0) for name, output in outputs.items()}

    def predict(self, images, batch_size, verbose):
        assert verbose == 0 and batch_size == 100
        return self.predict_on_batch(images)


@pytest.fixture(scope="module")
def small():
    targets = {"class": CLASSES, "boxes": BOXES}
    return made.splits(IMAGES, targets, "boxes", classes=("a", "b", "c"))


@pytest.fixture(scope="module")
def task(small):
    return localization.Localization(small.info)


def test_all_batches_are_evaluated_and_measured(task, small):
    expected = {"localized": 0.4, "accuracy": 0.4, "iou": 1.0}
    assert task.evaluate(Model(), small.test) == pytest.approx(expected)
    found = task.measure({"model": Model().predict_on_batch}, None, small)
    assert found == pytest.approx(expected)
    assert task.model_options() == {"input_shape": (8, 8, 3), "num_classes": 3}


@pytest.mark.parametrize(("count", "expected"), [(None, 5), (2, 2), (3, 3), (4, 4)])
def test_first_examples_are_gathered(small, count, expected):
    images, targets = localization._arrays(small.test, count)
    np.testing.assert_array_equal(images, IMAGES[:expected])
    np.testing.assert_array_equal(targets["class"], CLASSES[:expected])


def test_only_the_needed_batches_are_read(small):
    images, _ = localization._arrays(small.test.repeat(), 7)
    np.testing.assert_array_equal(images, np.concatenate([IMAGES, IMAGES[:2]]))


def test_training_gets_the_class_and_the_one_box(task, small):
    _, targets = next(iter(task.prepare(small.train)))
    assert set(targets) == {"class", "box"}
    np.testing.assert_array_equal(targets["box"], BOXES[:3, 0])


@pytest.mark.parametrize(
    ("targets", "received"),
    [
        ({"boxes": BOXES}, "made, with boxes"),
        (BOXES, "made, with boxes"),
        ({"class": CLASSES, "boxes": np.tile(BOXES, (1, 2, 1))}, "made, with class, boxes"),
    ],
)
def test_invalid_targets_are_named(task, targets, received):
    splits = made.splits(IMAGES, targets, "boxes")
    message = f"one box for each image for localization of one object. Received: {received}$"
    with pytest.raises(InvalidInput, match=message):
        task.prepare(splits.train)


def test_prediction_for_an_image_has_class_and_box(task, small, tmp_path):
    task.write_examples(None, small, tmp_path / "examples")
    files = {path.stem: path for path in (tmp_path / "examples").iterdir()}
    assert set(files) == {"a", "b", "c"}
    np.testing.assert_allclose(task.read_images([str(files["a"])])[0], IMAGES[1], atol=1 / 255)
    (row,) = task.predict(Model(), [str(files["a"])], tmp_path)
    assert row == {
        "input": str(files["a"]),
        "prediction": "b",
        "probability": 0.75,
        "box": "0.00 0.25 0.50 1.00",
    }
    assert made.drawn(task.explain(Model(), [str(files["a"])])) == {"boxes_of_inputs"}
    assert made.drawn(task.figures(Model(), small, {"loss": [1.0]})) == {"curves", "boxes"}
    (export,) = task.exports("the model", small).values()
    assert export.model == "the model" and len(export.inputs) == 5


@pytest.mark.parametrize(("file", "holds"), [(0.9, True), (0.891, True), (0.889, False)])
def test_file_may_lose_one_percent_of_localizations(task, file, holds):
    assert task.criterion.metric == "localized" and task.criterion.holds(file, 0.9) == holds
