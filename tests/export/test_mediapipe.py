"""MediaPipe's image classifier opens exported classifiers and gives their answers."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl import export

CLASSES = ("cat", "dog", "ü")
CLASSIFY = """
import json, sys
import mediapipe, numpy
from mediapipe.tasks.python import BaseOptions, vision

images, *files = sys.argv[1:]
answers = []
for file in files:
    options = vision.ImageClassifierOptions(BaseOptions(model_asset_path=file))
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for image in numpy.load(images):
            picture = mediapipe.Image(mediapipe.ImageFormat.SRGB, image)
            (found,) = classifier.classify(picture).classifications
            answers.append({each.category_name: each.score for each in found.categories})
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python that has MediaPipe, which needs another absl-py than the compression's parts."""
    folder = tmp_path_factory.mktemp("mediapipe")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([folder / "bin" / "python", *install, "mediapipe>=1.2,<2"], check=True)
    return folder / "bin" / "python"


@pytest.mark.slow
def test_its_classes_and_scores_are_those_of_the_file(python, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(layers.Flatten()(x)))
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), "uint8")
    files = [
        export.to_litert(
            model,
            tmp_path / f"{quantize}.tflite",
            quantize=quantize,
            calibration=images / np.float32(255) if quantize else None,
            activation="softmax",
            labels=CLASSES,
            input_range=(0.0, 1.0),
        )
        for quantize in (None, "int8")
    ]
    np.save(tmp_path / "images.npy", images)
    command = [python, "-c", CLASSIFY, tmp_path / "images.npy", *(file.path for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    scores = np.concatenate([file.predict(images / np.float32(255)) for file in files])
    assert len(answers) == len(scores) == 12
    for answer, expected in zip(answers, scores, strict=True):
        np.testing.assert_allclose([answer[name] for name in CLASSES], expected, atol=1e-6)
