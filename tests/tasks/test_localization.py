"""Localization: what counts as localized, and data that is refused."""

import numpy as np
import pytest

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.tasks import localization

RECIPE = recipes.get("localizer").replace(data_options={"elements": "class,boxes", "count": 60})


def test_a_localization_needs_the_class_and_half_of_the_union():
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


def test_predictions_are_drawn(tmp_path):
    splits = prepare.load_data(RECIPE)
    task = prepare.task_for(RECIPE, splits.info)
    model = prepare.compiled_model(RECIPE, task, steps=1)
    task.write_examples(model, splits, tmp_path / "examples")
    files = [str(path) for path in sorted((tmp_path / "examples").iterdir())]
    rows = task.predict(model, files[:2], tmp_path)
    assert len(rows) == 2 and rows[0]["prediction"] in splits.info.classes
    assert len(rows[0]["box"].split()) == 4 and (tmp_path / rows[0]["drawn"]).stat().st_size > 1000
