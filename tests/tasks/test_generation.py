"""Generation: a classifier evaluates samples, and files by the classes that it predicts."""

import keras
import numpy as np
import pytest

from kerasdl import tasks
from kerasdl.errors import InvalidInput
from kerasdl.tasks import generation
from tests.tasks import made

IMAGES = np.zeros((4, 8, 8, 1), "float32")
LABELS = np.zeros(4, "int32")


class Judging(generation.Generation):
    """The task with a classifier that reads the class from the first pixel."""

    def has_classifier(self, shape):
        return shape == (8, 8, 1)

    def classify(self, images):
        classes = np.round(np.asarray(images)[:, 0, 0, 0] * 4).astype(int)
        return np.eye(4)[classes] * 0.8 + 0.05


def sample(count, seed=0):
    """Half of the images are of class 0, a quarter of 1 and a quarter of 3."""
    return np.ones((count, 8, 8, 1)) * np.resize([0, 0, 0.25, 0.75], count)[:, None, None, None]


class Model:
    class generator:  # noqa: N801
        output_shape = (None, 8, 8, 1)
        input_shape = (None, 32)

    def __init__(self):
        self.compiled = {}

    def evaluate(self, dataset, verbose, return_dict):
        assert not isinstance(next(iter(dataset)), tuple)
        return {"generator_loss": np.float32(1.5)}

    def generate(self, count, seed):
        assert (count, seed) in ((2000, 0), (64, 0), (1, 7))
        return sample(count)

    def interpolate(self, first, last):
        assert first.shape == (32,) and first.dtype == "float32"
        return sample(5)

    def decode(self, codes):
        return sample(len(codes))

    def compile(self, **options):
        self.compiled = options


@pytest.fixture(scope="module")
def splits():
    return made.splits(IMAGES, LABELS, "classification", classes=tuple("abcd"))


@pytest.fixture(scope="module")
def task(splits):
    return Judging(splits.info)


def test_samples_are_evaluated_by_their_classes(task, splits):
    found = task.evaluate(Model(), splits.test)
    assert found == {
        "generator_loss": 1.5,
        "smallest_class": 0.0,
        "largest_class": 0.5,
        "certainty": pytest.approx(0.85),
    }
    other = Model()
    other.generator = type("Large", (), {"output_shape": (None, 16, 16, 1)})
    assert task.evaluate(other, splits.test) == {"generator_loss": 1.5}


def test_file_and_model_are_compared_on_the_same_noise(task, splits):
    seen = []

    def generator(codes):
        seen.append(codes)
        images = sample(len(codes))
        images[:100, 0, 0, 0] = 0.5
        return 2 * images - 1

    found = task.measure({"generator": generator}, Model(), splits)
    assert seen[0].shape == (2000, 32) and seen[0].dtype == "float32"
    assert found["same_class"] == pytest.approx(0.95)
    assert found["largest_pixel_error"] == pytest.approx(0.5)
    assert found["largest_class"] == pytest.approx(0.475)
    task.measure({"generator": generator}, Model(), splits)
    np.testing.assert_array_equal(*seen)


@pytest.mark.parametrize(("file", "holds"), [(0.995, True), (0.994, False), (1.0, True)])
def test_file_keeps_the_class_of_nearly_every_image(task, file, holds):
    assert task.criterion.metric == "same_class" and task.criterion.holds(file, 0.0) == holds


def test_each_network_is_compiled_with_its_learning_rate(splits):
    task = Judging(splits.info, {"discriminator_rate": 1e-5})
    assert task.model_options() == {"input_shape": (8, 8, 1)} and not task.early_stopping
    model = Model()
    task.compile(model, lambda *rate, **options: (rate, options), steps_per_execution=3)
    assert model.compiled == {
        "generator_optimizer": ((), {"beta_1": 0.5}),
        "discriminator_optimizer": ((1e-5,), {"beta_1": 0.5}),
        "steps_per_execution": 3,
    }


def test_loaded_model_must_have_the_shape_of_the_images(task):
    task.check_model(Model())
    other = Model()
    other.generator = type("Large", (), {"output_shape": (None, 16, 16, 1)})
    with pytest.raises(InvalidInput, match=r"image shape .* \(8, 8, 1\). .* \(16, 16, 1\)$"):
        task.check_model(other)


def test_image_file_is_made_from_a_seed(task, tmp_path):
    (row,) = task.predict(Model(), ["7"], tmp_path)
    assert row == {"input": "7", "file": str(tmp_path / "sample-7.png")}
    assert np.asarray(keras.utils.load_img(row["file"])).shape == (8, 8, 3)
    for wrong in ("x.png", "-1", "7.0", "00000000007", str(2**31)):
        message = rf"input. Expected a seed for a new image, such as 7, of .* Received: {wrong}$"
        with pytest.raises(InvalidInput, match=message):
            task.predict(Model(), [wrong], tmp_path)


def test_pixels_of_a_generated_image_are_written_in_full_range(task, tmp_path):
    class Gray(Model):
        def generate(self, count, seed):
            assert count == 1 and seed == 2**31 - 1
            return np.full((1, 8, 8, 1), 0.2)

    (row,) = task.predict(Gray(), [str(2**31 - 1)], tmp_path)
    assert set(np.asarray(keras.utils.load_img(row["file"])).ravel()) == {51}


def test_figures_and_exported_parts(task, splits):
    history = {"generator_loss": [1.0, 2.0], "discriminator_loss": [1.0, 0.5]}
    assert made.drawn(task.figures(Model(), splits, history)) == {
        "curves",
        "samples",
        "interpolation",
    }
    (name,) = parts = task.exports(Model(), splits)
    assert name == "generator" and parts[name].inputs.shape == (256, 32)
    assert parts[name].inputs.dtype == "float32" and parts[name].model is Model.generator


def test_only_digits_have_a_recorded_classifier(task, splits):
    info = made.splits(IMAGES, LABELS, "classification").info
    with pytest.raises(InvalidInput, match=r"recorded classifier.*digits.*Received: made"):
        generation.Generation(info).objective  # noqa: B018
    assert not generation.Generation(info).has_classifier((8, 8, 1))
    digits = generation.Generation(type(info)(**{**vars(info), "name": "digits"}))
    assert digits.objective.name == "smallest_class"
    assert digits.has_classifier((8, 8, 1)) and not digits.has_classifier((16, 16, 1))
    probabilities = digits.classify(IMAGES)
    assert probabilities.shape == (4, 10)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)


def test_data_without_images_are_refused():
    rows = made.splits(IMAGES[:, 0, 0], LABELS, "classification")
    with pytest.raises(InvalidInput, match="images for generation of images"):
        tasks.create("generation", rows.info)
