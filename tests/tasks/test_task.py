"""Shared parts of tasks: comparing metrics, gathering examples, reading inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import tasks
from kerasdl.errors import InvalidInput
from kerasdl.tasks import task as shared
from tests.tasks import made

IMAGES = np.zeros((4, 8, 8, 1), "float32")
LABELS = np.zeros(4, "int32")


def classification(x, classes=("a",)):
    return tasks.create(
        "classification", made.splits(x, LABELS, "classification", classes=classes).info
    )


@pytest.mark.parametrize(
    ("direction", "better", "best"),
    [("max", [False, False, True], 3), ("min", [True, False, False], 1)],
)
def test_better_means_strictly_larger_or_smaller(direction, better, best):
    metric = shared.Metric("m", direction, "a number")
    assert [metric.is_better(value, 2) for value in (1, 2, 3)] == better
    assert metric.best([2, 1, 3]) == best


@pytest.mark.parametrize(("count", "expected"), [(None, 7), (2, 2), (3, 3), (4, 4), (20, 7)])
def test_first_examples_are_gathered(count, expected):
    x = np.arange(7)
    dataset = tf.data.Dataset.from_tensor_slices((x, -x)).batch(3)
    first, second = shared.gather(dataset, count)
    np.testing.assert_array_equal(first, x[:expected])
    np.testing.assert_array_equal(second, -x[:expected])
    (alone,) = shared.gather(dataset.map(lambda x, y: x), count)
    np.testing.assert_array_equal(alone, x[:expected])


def test_only_the_needed_batches_are_read():
    endless = tf.data.Dataset.from_tensors(np.zeros(2)).repeat()
    (found,) = shared.gather(endless, 3)
    assert found.shape == (3,)


def test_export_has_the_shapes_of_the_inputs():
    inputs = keras.Input((None, 3)), keras.Input((2,))
    free = keras.Model(inputs, inputs[1])
    fixed = keras.Model(inputs[1], inputs[1])
    export = shared.Export(free, (np.zeros((5, 4, 3)), np.zeros((5, 2))))
    assert export.has_free_size and export.shape == ((4, 3), (2,))
    assert [part.shape for part in export.first(2)] == [(2, 4, 3), (2, 2)]
    export = shared.Export(fixed, np.zeros((5, 2)))
    assert not export.has_free_size and export.shape == (2,)
    assert export.labels is None and export.activation is None


def test_path_that_is_not_a_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"input.*an image file.*none.png, which is no file"):
        classification(IMAGES).read_image(str(tmp_path / "none.png"))
    with pytest.raises(InvalidInput, match=r"an image file.*no file"):
        classification(IMAGES).read_image(str(tmp_path))


def test_image_files_are_refused_for_other_inputs(tmp_path):
    with pytest.raises(InvalidInput, match=r"on images or on rows of a table.*made"):
        classification(IMAGES[:, 0, 0]).read_image("any.png")
    with pytest.raises(InvalidInput, match=r"images for classification. Received: made.*\(1,\)"):
        classification(IMAGES[:, 0, 0]).require_images()
    classification(IMAGES).require_images()


def test_image_is_converted_to_the_input_of_the_model(tmp_path):
    gray = np.arange(64, dtype="uint8").reshape(8, 8, 1)
    keras.utils.save_img(tmp_path / "x.png", gray, scale=False)
    image = classification(IMAGES).read_image(str(tmp_path / "x.png"))
    assert image.dtype == "float32"
    np.testing.assert_allclose(image, gray / 255, rtol=1e-6)
    places, inputs = classification(IMAGES).read_inputs(str(tmp_path / "x.png"))
    assert places == [{"input": str(tmp_path / "x.png")}]
    np.testing.assert_array_equal(inputs, image[None])


def test_one_image_is_saved_for_each_class_that_has_any(tmp_path):
    labels = np.array([2, 0, 2, 0], "int32")
    images = np.stack([np.full((4, 4, 1), n / 5, "float32") for n in range(4)])
    splits = made.splits(images, labels, "classification", classes=("a", "b", "c"))
    shared.save_images(splits, tmp_path / "images")
    shared.save_images(splits, tmp_path / "images")  # the folder may exist
    found = {p.name: keras.utils.load_img(p) for p in (tmp_path / "images").iterdir()}
    assert {name: image.getpixel((0, 0))[0] for name, image in found.items()} == {
        "a.png": 51,
        "c.png": 0,
    }
    for other in (
        made.splits(images, labels, "classification"),
        made.splits(images[:, 0, 0], labels, "classification", classes=("a", "b", "c")),
    ):
        shared.save_images(other, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_task_without_figures_of_inputs_raises():
    splits = made.splits(IMAGES[:, 0, 0], IMAGES[:, 0, 0], "regression")
    with pytest.raises(InvalidInput, match=r"none \(regression has no figures.*Received: x.csv"):
        tasks.create("regression", splits.info).explain(None, ["x.csv", "y.csv"])


def test_compiled_model_has_a_built_optimizer_and_no_xla():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    shared.compile_and_build(model, keras.optimizers.Adam(), "mse", steps_per_execution=4)
    assert model.optimizer.built and not model.jit_compile and model.steps_per_execution == 4
    assert len(model.optimizer.variables) > 2 and model.loss == "mse"


def test_options_of_a_task_are_checked_and_completed():
    info = made.splits(IMAGES, LABELS, "classification", classes=("a",)).info
    assert tasks.create("classification", info).options == {"label_smoothing": 0.0}
    given = {"label_smoothing": 0.2}
    assert tasks.create("classification", info, given).options == given
    with pytest.raises(InvalidInput, match=r"option for classification.*label_smoothing.*smooth"):
        tasks.create("classification", info, {"smooth": 1})


def test_replacing_task_gets_the_options_that_it_has():
    splits = made.splits(IMAGES[:, 0, 0], IMAGES[:, 0, 0], "regression")
    task = tasks.create("classification", splits.info, {"label_smoothing": 0.1})
    assert task.title == "regression" and task.options == {}
