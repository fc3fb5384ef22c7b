"""Classification: accuracy, cross-entropy, predictions with class names, and exported models."""

import dataclasses

import keras
import numpy as np
import pytest

from kerasdl import tasks
from kerasdl.errors import InvalidInput
from tests.tasks import made

LOGITS = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2], [0.2, 0.6, 0.2]]))
LABELS = np.array([0, 2, 1, 1], "int32")
IMAGES = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def splits():
    return made.splits(IMAGES, LABELS, "classification", classes=("cat", "dog", "owl"))


@pytest.fixture(scope="module")
def task(splits):
    return tasks.create("classification", splits.info, {"label_smoothing": 0.3})


def test_accuracy_and_nats_are_means_over_all_batches(task, splits):
    expected = {"accuracy": 0.75, "cross_entropy": -np.log([0.7, 0.8, 0.3, 0.6]).mean()}
    logits = LOGITS.astype("float32")
    assert task.evaluate(made.Answers(logits), splits.test) == pytest.approx(expected, rel=1e-6)
    measured = task.measure({"model": lambda x: logits}, None, splits)
    assert measured == pytest.approx(expected, rel=1e-6)


def test_model_has_a_logit_per_class_and_learns_smoothed_one_hot_labels(task, splits):
    assert task.model_options() == {"input_shape": (8, 8, 1), "num_classes": 3}
    _, labels = next(iter(task.prepare(splits.train)))
    assert labels.numpy().tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    task.compile(model, lambda: keras.optimizers.SGD(), steps_per_execution=2)
    assert model.loss.label_smoothing == 0.3 and model.loss.from_logits
    assert model.optimizer.built and not model.jit_compile and model.steps_per_execution == 2
    history = model.fit(task.prepare(splits.train), shuffle=False, verbose=0).history
    assert set(history) == {"loss", "accuracy"}


def test_balanced_class_weights_are_those_of_keras(splits):
    """Each class has the same sum of weights, and the loss is that of `class_weight`."""
    info = dataclasses.replace(splits.info, class_counts=(1, 2, 1))
    task = tasks.create("classification", info, {"class_weights": "balanced"})
    assert task.class_weights == pytest.approx({"cat": 4 / 3, "dog": 2 / 3, "owl": 4 / 3})
    losses = []
    for data, options in (
        (task.prepare_train(splits.train), {}),
        (task.prepare(splits.train), {"class_weight": dict(enumerate([4 / 3, 2 / 3, 4 / 3]))}),
        (task.prepare(splits.train), {}),
    ):
        keras.utils.set_random_seed(0)
        layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        task.compile(model, lambda: keras.optimizers.SGD(0.1))
        losses.append(model.fit(data, epochs=3, shuffle=False, verbose=0, **options).history)
    assert losses[0] == losses[1] and losses[0]["loss"] != losses[2]["loss"]
    plain = tasks.create("classification", splits.info)
    assert plain.class_weights is None and len(plain.prepare_train(splits.train).element_spec) == 2


def test_prediction_has_the_class_its_probability_and_the_next_two(task):
    assert task._answer(np.exp(LOGITS[3])) == {
        "prediction": "dog",
        "probability": 0.6,
        "then": "owl 0.200, cat 0.200",
    }


def test_prediction_for_an_image_file_is_one_row(task, tmp_path):
    file = tmp_path / "x.png"
    keras.utils.save_img(file, IMAGES[0] * 255, scale=False)

    (row,) = task.predict(made.Answers(LOGITS[:1].astype("float32")), [str(file)], tmp_path)
    assert row["input"] == str(file) and row["prediction"] == "cat"


def test_examples_are_the_first_test_image_of_each_class(task, splits, tmp_path):
    task.write_examples(None, splits, tmp_path / "examples")
    files = {path.stem: path for path in (tmp_path / "examples").iterdir()}
    assert set(files) == {"cat", "dog", "owl"}
    for name, number in (("cat", 0), ("owl", 1), ("dog", 2)):
        (image,) = task.read_images([str(files[name])])
        np.testing.assert_allclose(image, IMAGES[number], atol=1 / 255)


def test_exported_model_ends_with_softmax(task, splits):
    (export,) = task.exports("the model", splits).values()
    assert export.model == "the model" and export.activation == "softmax"
    np.testing.assert_array_equal(export.inputs, IMAGES)
    np.testing.assert_array_equal(export.labels, LABELS)
    assert export.shape == (8, 8, 1) and export.first(2).shape == (2, 8, 8, 1)


def test_figures_depend_on_the_data_and_the_model(task, splits):
    history = {"loss": [1.0, 0.5], "val_loss": [1.0, 0.6]}
    flat = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    assert made.drawn(task.figures(flat, splits, history)) == {"curves", "confusion", "mistakes"}
    convolutions = keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)
    deep = keras.Sequential([keras.Input((8, 8, 1)), *convolutions])
    assert "feature_maps" in made.drawn(task.figures(deep, splits, history))
    rows = made.splits(IMAGES[:, 0, 0], LABELS, "classification", classes=("cat", "dog", "owl"))
    table = tasks.create("classification", rows.info)
    line = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3)])
    assert made.drawn(table.figures(line, rows, history)) == {"curves", "confusion"}
    assert task.shown_in_demo and not table.shown_in_demo


def test_only_convolutional_networks_are_explained(task, tmp_path):
    file = tmp_path / "owl.png"
    keras.utils.save_img(file, IMAGES[0] * 255, scale=False)
    flat = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()], name="flat")
    with pytest.raises(InvalidInput, match=r"run to explain.*Expected convolutions.*flat"):
        task.explain(flat, [str(file)])
    deep = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    drawings = task.explain(deep, [str(file), str(file)])
    assert made.drawn(drawings) == {"feature_maps-owl", "feature_maps-owl-2"}


def test_heat_maps_have_the_predicted_class_as_their_title(task, tmp_path):
    file = tmp_path / "owl.png"
    keras.utils.save_img(file, IMAGES[0] * 255, scale=False)
    parts = keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)
    model = keras.Sequential([keras.Input((8, 8, 1)), *parts])
    drawings = task.heat_maps(model, [str(file), str(file)], "grad_cam")
    assert list(drawings) == ["grad_cam-owl", "grad_cam-owl-2"]
    first, second = drawings["grad_cam-owl"]().axes
    best = np.argmax(model(task.read_images([str(file)])))
    assert first.get_title() == ("cat", "dog", "owl")[best] and not second.get_title()
    flat = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()], name="flat")
    with pytest.raises(InvalidInput, match=r"`flat`. Expected a network with feature maps"):
        task.heat_maps(flat, [str(file)], "grad_cam")


@pytest.mark.parametrize(("file", "holds"), [(0.9, True), (0.896, True), (0.894, False)])
def test_file_may_lose_half_a_percent_of_accuracy(task, file, holds):
    assert task.criterion.metric == "accuracy"
    assert task.criterion.holds(file, 0.9) == holds
