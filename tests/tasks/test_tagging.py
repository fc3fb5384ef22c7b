"""Multi-label classification: metrics over labels and of each, and labels above a threshold."""

import keras
import numpy as np
import pytest
from sklearn import metrics

import kerasdl
from kerasdl import recipes, tasks
from kerasdl.errors import InvalidInput
from tests.tasks import made

NAMES = ("cat", "dog", "owl")
TAGS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]], "float32")
# odds of 3 to 1 and 1 to 3
LOGITS = np.log(3).astype("float32") * np.array(
    [[1, -1, -1], [1, -1, -1], [-1, 1, 1], [1, -1, -1]], "float32"
)
IMAGES = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def splits():
    return made.splits(IMAGES, TAGS, "tags", classes=NAMES)


@pytest.fixture(scope="module")
def task(splits):
    return tasks.create("classification", splits.info, {"label_smoothing": 0.1})


def test_scores_are_means_over_labels_that_have_them(task, splits):
    found = task.evaluate(made.Answers(LOGITS), splits.test)
    assert found["f1 cat"] == pytest.approx(0.8) and found["f1 dog"] == pytest.approx(2 / 3)
    assert found["f1 owl"] == 0 and np.isnan(found["auc owl"])  # no example has it
    assert found["f1"] == pytest.approx((0.8 + 2 / 3) / 3)
    assert found["auc"] == pytest.approx((0.75 + 0.75) / 2) and found["exact"] == 0.25
    right = (LOGITS > 0) == (TAGS > 0)
    assert found["cross_entropy"] == pytest.approx(-np.log(np.where(right, 0.75, 0.25)).mean())
    measured = task.measure({"model": lambda x: LOGITS}, None, splits)
    assert measured == {name: found[name] for name in ("f1", "auc", "exact", "cross_entropy")}
    truth, answers = TAGS[:, :2] > 0, LOGITS[:, :2] > 0
    each = metrics.f1_score(truth, answers, average=None)
    np.testing.assert_allclose([found["f1 cat"], found["f1 dog"]], each)


def test_prediction_lists_the_labels_above_the_threshold(task, splits):
    assert task._answer(np.array([0.6, 0.1, 0.9])) == {
        "prediction": "owl, cat",
        "probabilities": "owl 0.900, cat 0.600, dog 0.100",
    }
    strict = tasks.create("tagging", splits.info, {"threshold": 0.95})
    assert strict._answer(np.array([0.6, 0.1, 0.9]))["prediction"] == "none"


def test_model_learns_the_binary_cross_entropy_of_each_label(task, splits, tmp_path):
    assert task.model_options() == {"input_shape": (8, 8, 1), "num_classes": 3}
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    task.check_model(model)
    task.compile(model, lambda: keras.optimizers.SGD())
    assert model.optimizer.built and model.loss.from_logits
    history = model.fit(task.prepare(splits.train), shuffle=False, verbose=0).history
    assert set(history) == {"loss", "auc"}
    (export,) = task.exports(model, splits).values()
    assert export.activation == "sigmoid" and export.labels is None
    assert made.drawn(task.figures(model, splits, {"loss": [1.0]})) == {"curves"}
    task.write_examples(model, splits, tmp_path / "examples")
    assert {file.stem for file in (tmp_path / "examples").iterdir()} == {"cat", "dog"}
    file = str(tmp_path / "examples" / "cat.png")
    (row,) = task.predict(made.Answers(LOGITS[:1]), [file], tmp_path)
    assert row["input"] == file and row["prediction"] == "cat"


def test_labels_have_names_and_threshold_is_a_fraction():
    info = made.splits(IMAGES, TAGS, "tags").info
    with pytest.raises(InvalidInput, match="data with classes for multi-label classification"):
        tasks.create("tagging", info)
    with pytest.raises(InvalidInput, match="`threshold`"):
        tasks.check_options("tagging", {"threshold": 2})


def test_a_run_on_arrays_of_zeros_and_ones_learns_all_labels(tmp_path):
    x = np.random.default_rng(0).normal(size=(600, 6)).astype("float32")
    y = (x[:, :3] + 0.1 * x[:, 3:] > 0).astype("int32")
    recipe = recipes.get("mlp").replace(data=(x, y), epochs=12)
    run = recipe.run(tmp_path / "run", progress=False, pictures=False)
    test = run.metrics["test"]
    assert test["f1"] > 0.85 and test["auc"] > 0.95 and {"f1 0", "auc 2"} <= set(test)
    assert kerasdl.recipes.open(run.path, data=(x, y)).evaluate() == test
    row, _ = run.export()
    assert row["error"] < 1e-5
