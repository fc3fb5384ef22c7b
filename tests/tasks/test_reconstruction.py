"""Reconstruction: errors per image, in nats and per pixel, and the two files of an autoencoder."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kerasdl import tasks
from kerasdl.errors import InvalidInput
from tests.tasks import made

IMAGES = np.random.default_rng(0).random((5, 4, 4, 1)).astype("float32")
LABELS = np.array([0, 1, 0, 1, 0])


class Model:
    """An autoencoder whose code is the first row of an image and whose images are too bright."""

    encoder, decoder = "the encoder", "the decoder"

    def __init__(self, **numbers):
        self.numbers = numbers

    def evaluate(self, dataset, verbose, return_dict):
        assert not isinstance(next(iter(dataset)), tuple)  # images alone
        return self.numbers

    def reconstruct(self, images):
        return images + 0.5

    def encode(self, images):
        return images[:, 0, :, 0]

    def interpolate(self, first, last):
        return np.linspace(first, last, 5)


class Generating(Model):
    def generate(self, count, seed):
        return IMAGES[[0] * count]


@pytest.fixture(scope="module")
def splits():
    return made.splits(IMAGES, LABELS, "classification", classes=("a", "b"))


@pytest.fixture(scope="module")
def task(splits):
    return tasks.create("reconstruction", splits.info)


def test_vae_is_evaluated_by_its_elbo_and_an_autoencoder_by_its_error(task, splits):
    found = task.evaluate(Model(reconstruction=7.0, kl=2.0, loss=9.5), splits.test)
    assert found == {"negative_elbo": 9.0, "reconstruction": 7.0, "kl": 2.0}
    plain = tasks.create("reconstruction", splits.info, {"loss": "mse"})
    assert plain.evaluate(Model(loss=3.0), splits.test) == {"mse": pytest.approx(0.25)}
    assert task.objective.name == "negative_elbo" and plain.objective.name == "mse"


def test_model_is_compiled_with_the_given_loss(splits):
    task = tasks.create("reconstruction", splits.info, {"loss": "mse"})
    assert task.model_options() == {"input_shape": (4, 4, 1)}
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Dense(1)])
    task.compile(model, lambda: keras.optimizers.Adam(), steps_per_execution=2)
    assert model.loss == "mse" and model.optimizer.built and model.steps_per_execution == 2
    unknown = tasks.create("reconstruction", splits.info, {"loss": "smallness"})
    with pytest.raises(InvalidInput, match=r"option `loss`. Expected the name of .*smallness$"):
        unknown.compile(model, keras.optimizers.Adam)


def test_loaded_model_must_have_the_shape_of_the_images(task):
    task.check_model(SimpleNamespace(encoder=SimpleNamespace(input_shape=(None, 4, 4, 1))))
    other = SimpleNamespace(encoder=SimpleNamespace(input_shape=(None, 8, 4, 1)))
    message = r"^Invalid image shape of the model. Expected \(4, 4, 1\). Received: \(8, 4, 1\)$"
    with pytest.raises(InvalidInput, match=message):
        task.check_model(other)


def test_files_are_measured_from_the_means_of_the_codes(task, splits):
    means = np.random.default_rng(1).random((5, 3))
    rebuilt = np.full((5, 4, 4, 1), 0.25, "float32")

    def decode(codes):
        np.testing.assert_array_equal(codes, means)
        return rebuilt

    parts = {"encoder": lambda x: np.concatenate([means, means - 9], axis=1), "decoder": decode}
    found = task.measure(parts, Model(), splits)
    nats = -(IMAGES * np.log(0.25) + (1 - IMAGES) * np.log(0.75)).sum(axis=(1, 2, 3)).mean()
    assert found["mean_reconstruction"] == pytest.approx(nats, rel=1e-5)
    assert found["mse"] == pytest.approx(((IMAGES - 0.25) ** 2).mean(), rel=1e-5)


def test_prediction_for_an_image_has_its_error_and_code(task, tmp_path):
    file = tmp_path / "x.png"
    keras.utils.save_img(file, np.full((4, 4, 1), 51), scale=False)
    (row,) = task.predict(Model(), [str(file)], tmp_path)
    assert row == {
        "input": str(file),
        "mse": pytest.approx(0.25),
        "code": "0.20 0.20 0.20 0.20",
    }
    assert made.drawn(task.explain(Model(), [str(file)])) == {"reconstructed_inputs"}


def test_figures_have_samples_only_of_generative_models(task, splits):
    history = {"loss": [1.0, 0.5], "val_loss": [1.0, 0.6]}
    drawn = {"curves", "reconstructions", "latent", "interpolation"}
    assert made.drawn(task.figures(Model(), splits, history)) == drawn
    assert made.drawn(task.figures(Generating(), splits, history)) == drawn | {"samples"}


def test_encoder_and_decoder_are_exported_with_their_input_shapes(task, splits, tmp_path):
    parts = task.exports(Model(), splits)
    assert {name: (part.model, part.activation) for name, part in parts.items()} == {
        "encoder": ("the encoder", None),
        "decoder": ("the decoder", "sigmoid"),
    }
    np.testing.assert_array_equal(parts["encoder"].inputs, IMAGES)
    np.testing.assert_array_equal(parts["decoder"].inputs, IMAGES[:, 0, :, 0])
    task.write_examples(None, splits, tmp_path / "examples")
    assert {path.name for path in (tmp_path / "examples").iterdir()} == {"a.png", "b.png"}


@pytest.mark.parametrize(("file", "holds"), [(2.0, True), (2.01, True), (2.03, False)])
def test_files_may_add_one_percent_of_loss(task, file, holds):
    assert task.criterion.metric == "mean_reconstruction"
    assert task.criterion.holds(file, 2.0) == holds
