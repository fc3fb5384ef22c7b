"""Recipes with another network, on a folder of photos."""

import numpy as np
import PIL.Image
import pytest

from kerasdl import recipes
from kerasdl.errors import InvalidInput


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of small photos of different colors; the second has a quarter of them."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name, count, color in (("cat", 48, (200, 80, 40)), ("dog", 16, (40, 80, 200))):
        (folder / name).mkdir()
        for i in range(count):
            pixels = np.clip(rng.normal(color, 60, (32, 32, 3)), 0, 255).astype("uint8")
            PIL.Image.fromarray(pixels).save(folder / name / f"{i:02}.png")
    return folder


def changed(photos, **changes):
    options = {"data": str(photos), "image_size": 32, "epochs": 2, **changes}
    return recipes.get("simple_cnn").replace(**options)


@pytest.mark.filterwarnings("ignore:Even though the .* option is set, this option does not apply")
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("resnet20", {"depths": (1, 1), "width": 4}),
        ("keras.applications.MobileNetV2", {"alpha": 0.35}),
    ],
)
def test_another_network_is_trained_and_opened(model, options, photos, tmp_path, request):
    if model.startswith("keras."):  # a deep network
        request.getfixturevalue("without_graphs")
    recipe = changed(photos, model=model, model_options=options)
    run = recipe.run(tmp_path / "run", progress=False, pictures=False, fast=True)
    again = recipes.open(run.path)
    assert again.recipe.model == model and again.recipe.model_options == options
    assert again.evaluate() == run.metrics["test"]
    (row,) = again.predict([str(photos / "cat" / "00.png")])
    assert row["prediction"] in ("cat", "dog")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("gpt_tiny", "for classification. Expected one with the options input_shape and num_cl"),
        ("vae_tiny", "Received: vae_tiny, without num_classes"),
        ("localizer_tiny", r"a network from \(None, 32, 32, 3\) to \(None, 2\). Received: localiz"),
    ],
)
def test_networks_of_other_tasks_are_refused_in_one_line(model, message, photos, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        changed(photos, model=model).run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("recipe", "model", "message"),
    [
        ("vae", "resnet20", "a model with a network `encoder`. Received: resnet20"),
        ("dcgan", "vae_tiny", "a model with a network `generator`. Received: vae_tiny"),
        ("lstm_lm", "simple_cnn", "without vocabulary_size"),
        ("translation", "gpt_tiny", "a sequence and its translation so far. Received: gpt_tiny"),
        (
            "retinanet_tiny",
            "simple_cnn",
            "a detector, such as retinanet_tiny. Received: simple_cnn",
        ),
        ("localizer", "simple_cnn", "the outputs `class` and `box`. Received: simple_cnn"),
    ],
)
def test_learners_of_other_tasks_are_refused_in_one_line(recipe, model, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        recipes.get(recipe).replace(model=model).run(tmp_path / "run", fast=True, progress=False)


def test_validation_images_may_be_in_another_folder(photos):
    import kerasdl.data

    info = kerasdl.data.load(photos, image_size=8, validation=str(photos)).info
    assert info.counts == {"train": 59, "validation": 64, "test": 5}
    assert info.class_counts == (44, 15)
    with pytest.raises(InvalidInput, match="a fraction, or a folder with a folder of images"):
        kerasdl.data.load(photos, image_size=8, validation="nowhere")


def test_rows_for_a_network_of_images_are_refused_by_the_name_of_another(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
    for name in ("simple_cnn", "vgg_tiny"):
        recipe = recipes.get(name).replace(data=(x, np.arange(60) % 2))
        message = rf"one for inputs of shape \(6,\), such as mlp .* Received: {name}"
        with pytest.raises(InvalidInput, match=message):
            recipe.run(tmp_path / name, fast=True, progress=False)
        assert not (tmp_path / name).exists()
