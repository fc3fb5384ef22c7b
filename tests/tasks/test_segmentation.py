"""Segmentation: mean IoU equals scikit-learn's, masks are drawn, and other data is refused."""

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

import kerasdl
from kerasdl import explain, recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare

OPTIONS = {"elements": "mask", "objects": 2, "count": 40}
SMALL = {"widths": (8, 16)}
RECIPE = recipes.get("unet_tiny").replace(
    data_options=OPTIONS, image_size=16, model_options=SMALL, batch_size=4
)


@pytest.fixture(scope="module")
def parts():
    splits = prepare.load_data(RECIPE)
    task = prepare.task_for(RECIPE, splits.info)
    return splits, task, prepare.compiled_model(RECIPE, task, steps=1)


@pytest.mark.rows("DET-24", "DET-16")
def test_the_mean_iou_equals_scikit_learns(parts):
    splits, task, model = parts
    found = task.evaluate(model, splits.test)
    pairs = [(model.predict_on_batch(x).argmax(-1), y) for x, y in splits.test.as_numpy_iterator()]
    predicted, true = (np.concatenate([pair[i].ravel() for pair in pairs]) for i in (0, 1))
    expected = jaccard_score(true, predicted, average="macro", labels=np.union1d(true, predicted))
    assert found["iou"] == pytest.approx(expected)
    assert found["accuracy"] == pytest.approx((predicted == true).mean())


def test_predictions_say_which_classes_were_found_and_are_drawn(parts, tmp_path):
    splits, task, model = parts
    task.write_examples(model, splits, tmp_path)
    files = [str(path) for path in sorted(tmp_path.iterdir())]
    rows = task.predict(model, files[:2], tmp_path)
    assert len(rows) == 2
    assert all("%" in row["pixels"] for row in rows)
    (draw,) = task.explain(model, files[:1]).values()
    assert len(draw().axes) == 2  # the image, and its classes


def test_images_with_boxes_are_refused(tmp_path):
    recipe = RECIPE.replace(data_options={"elements": "class,boxes", "count": 40})
    with pytest.raises(InvalidInput, match="data for segmentation: masks"):
        recipe.run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_model_of_another_number_of_classes_is_refused(parts):
    _, task, _ = parts
    options = {"num_classes": 3, "input_shape": (16, 16, 3)}
    other = kerasdl.create_model("unet_tiny", **SMALL, **options)
    with pytest.raises(InvalidInput, match="height, width, classes"):
        task.check_model(other)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_class_has_a_color(channels):
    images = np.full((2, 8, 8, channels), 0.5)
    found = np.zeros((2, 8, 8), int)
    found[0, :4] = 1
    figure = explain.masks(images, found, ["background", "cat"], found)
    assert len(figure.axes) == 6
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["cat"]
    with pytest.raises(InvalidInput, match="a class for each pixel"):
        explain.masks(images, found[:, :4], ["background", "cat"])
