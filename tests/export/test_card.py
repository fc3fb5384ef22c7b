"""Cards of LiteRT files: their script runs where neither TensorFlow nor kerasdl can be imported."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl import export
from kerasdl.export import card
from tests.export.networks import attention, images, pair, tokens, vectors

BLOCKED = """
import sys
for name in ("tensorflow", "keras", "kerasdl"):
    sys.modules[name] = None
"""


def run(text, folder, **replaced):
    """Run the script of a card in a process of its own, in a folder; return what it prints."""
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for before, after in replaced.values():
        assert before in script
        script = script.replace(before, after)
    (folder / "script.py").write_text(BLOCKED + script)
    command = [sys.executable, "-P", "script.py"]
    options = {"cwd": folder, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, **options)
    assert not done.returncode, done.stderr
    return done.stdout


def numbers(printed):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", printed)]


@pytest.mark.parametrize("input_type", ["float32", "int8"])
@pytest.mark.parametrize("limits", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_the_script_prepares_an_image_as_the_card_says(trained, limits, input_type, tmp_path):
    model, x, _ = trained
    low, high = limits
    pixels = np.round(np.clip(x, 0, 1) * 255).astype("uint8")
    scaled = low + (high - low) * pixels.astype("float32") / 255
    file = export.to_litert(
        model,
        tmp_path / "model.tflite",
        quantize="int8",
        calibration=scaled,
        input_type=input_type,
        input_range=limits,
        labels=("a", "b", "c", "d"),
        activation="softmax",
    )
    text = card.usage(file)
    formula = {0.0: "x / 255", -1.0: "x * 0.00784313725 - 1"}[low] if high == 1 else "x, from 0"
    assert "a gray image, 8 pixels high and 8 wide" in text and formula in text
    assert ("The file takes round(x / " in text) == (input_type == "int8")
    np.save(tmp_path / "image.npy", pixels[7])
    zeros = ('np.zeros((8, 8, 1), "uint8")', 'np.load("image.npy")')
    *probabilities, label = run(text, tmp_path, zeros=zeros).split("\n")[:-1]
    right = file.predict(scaled[7:8])[0]
    scale = 1 / 256 if input_type == "int8" else 1e-6
    np.testing.assert_allclose(numbers(" ".join(probabilities)), right, atol=1.01 * scale)
    assert label == "abcd"[right.argmax()]


def test_the_card_counts_the_weights_that_are_quantized(trained, tmp_path):
    model, x, _ = trained
    options = {"quantize": "int8", "calibration": x, "description": "quarters | of images"}
    file = export.to_litert(model, tmp_path / "model.tflite", **options)
    text = card.card(file, {"accuracy": 0.98765, "zeros": None})
    assert text.startswith("# model.tflite\n\nquarters \\| of images.\n\n- size: ")
    assert "- weights: int8 in 3 of 3 tensors\n- accuracy: 0.9877\n\n## Input" in text
    small = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    file = export.to_litert(small, tmp_path / "small.tflite", quantize="dynamic")
    assert card.weights(file) == "float32 in 1 of 1 tensor"
    inputs = keras.Input((40,))
    both = keras.Model(inputs, layers.Dense(3)(layers.Dense(50)(inputs)))
    file = export.to_litert(both, tmp_path / "both.tflite", quantize="dynamic")
    assert card.weights(file) == "int8 in 1 of 2 tensors, float32 in 1"


def test_the_script_of_a_table_standardizes_a_row(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    file = export.to_litert(model, tmp_path / "table.tflite")
    columns = [("age", 40.0, 10.0), ("city is Rome", 0.25, 0.5)]
    text = card.usage(file, columns=columns, target_scale=(1000.0, 100.0))
    assert "| age | 40 | 10 |" in text and "the prediction is output * 100 + 1000" in text
    printed = run(text, tmp_path, row=("row = mean", "row = np.array([50, 1])"))
    right = file.predict(np.float32([[1.0, 1.5]])) * 100 + 1000
    assert numbers(printed) == pytest.approx(right.ravel(), rel=1e-5)


def test_the_script_of_a_text_reads_the_vocabulary(tmp_path):
    model = attention()
    words = ("?", "a", "\n", "\\", "b")
    file = export.to_litert(model, tmp_path / "text.tflite", vocabulary=words)
    text = card.usage(file)
    assert "a text of at most 12 characters" in text
    given = ('text = "\\n\\\\b"', 'text = "a\\nx\\\\b"')
    printed = run(
        text,
        tmp_path,
        given=given,
        shown=("print(", "np.set_printoptions(threshold=10**9)\nprint("),
    )
    x = np.zeros((1, 12), "int32")
    x[0, :5] = [1, 2, 0, 3, 4]
    assert numbers(printed) == pytest.approx(file.predict(x).ravel(), abs=1e-5)


@pytest.mark.parametrize("make", [attention, pair])
def test_the_script_runs_for_other_inputs(make, tmp_path):
    x = tokens() if make is attention else vectors(2)
    assert len(x)
    file = export.to_litert(make(), tmp_path / "m.tflite", batch_size=3)
    text = card.usage(file)
    assert all(f"`{name}`" in text for name in (*file.inputs, *file.outputs))
    assert numbers(run(text, tmp_path))


def test_a_probability_of_two_classes(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1)])
    options = {"labels": ("no", "yes"), "activation": "sigmoid", "input_range": (0, 1)}
    file = export.to_litert(model, tmp_path / "m.tflite", **options)
    assert images().shape[1:] == (8, 8, 1)
    model.layers[-1].bias.assign([3.0])
    file = export.to_litert(model, tmp_path / "m.tflite", **options)
    assert run(card.usage(file), tmp_path).endswith("yes\n")
