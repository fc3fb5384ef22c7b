"""Networks of `keras.applications`: their inputs are in [0, 1], and their outputs are logits."""

import importlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models import applications

SMALL = {"input_shape": (32, 32, 3), "num_classes": 5, "alpha": 0.35}
NAME = "keras.applications.MobileNetV2"


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "DenseNet121", "EfficientNetB0"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_preprocessed_as_keras_does(name, channels):
    make = getattr(keras.applications, name)
    inputs = keras.Input((4, 4, channels))
    colors = keras.layers.Concatenate()([inputs] * 3) if channels == 1 else inputs
    model = keras.Model(inputs, applications.in_range_of(make, colors))
    images = np.random.default_rng(0).random((2, 4, 4, channels)).astype("float32")
    preprocess = importlib.import_module(make.__module__).preprocess_input
    expected = preprocess(255 * np.broadcast_to(images, (2, 4, 4, 3)).copy())
    np.testing.assert_allclose(model(images), expected, atol=1e-4)


def test_network_gives_logits_and_is_saved(tmp_path):
    model = kerasdl.create_model(NAME, dtype="mixed_float16", **SMALL)
    assert model.output_shape == (None, 5) and model.outputs[0].dtype == "float32"
    assert model.get_layer("logits").activation is keras.activations.linear
    assert model.get_layer("Conv1").compute_dtype == "float16"
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).random((2, 32, 32, 3)).astype("float32")
    again = kerasdl.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(images), model(images))
    backbone = kerasdl.create_model(NAME, **{**SMALL, "num_classes": None})
    assert backbone.output_shape == (None, 1, 1, 1280)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("MobileNetV9", {}, "network of keras.applications. Expected one of .*MobileNetV2"),
        ("MobileNetV2", {"depth": 3}, "option for model .*alpha, weights. Received: depth"),
        ("MobileNetV2", {"input_shape": (8, 8, 3)}, "options of .*at least 32x32"),
        ("MobileNetV2", {"input_shape": (32, 32, 2)}, "an image with 1 or 3 channels"),
        ("MobileNetV2", {"weights": "no.h5"}, "option `weights` of .* that can be downloaded"),
    ],
)
def test_other_options_are_refused_in_one_line(name, options, message):
    with pytest.raises(InvalidInput, match=message) as refused:
        kerasdl.create_model(f"keras.applications.{name}", **options)
    assert "\n" not in str(refused.value)


def test_weights_without_a_network_are_refused_in_one_line(monkeypatch):
    def fails(*_, **__):
        raise Exception("URL fetch failure on https://storage.googleapis.com/x.h5: None --\nno")

    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", fails)
    with pytest.raises(InvalidInput, match=r"`weights` of .* Received: URL fetch failure .* no$"):
        kerasdl.create_model(NAME, **{**SMALL, "weights": "imagenet"})
