"""With `set_seed(deterministic=True)`, weights are bit-equal in this process and the next."""

import hashlib
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib
import keras
import kerasdl

def trained():
    kerasdl.set_seed(3, deterministic=True)
    data = kerasdl.data.load("digits", augment="standard", mixup=0.2, seed=3)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input(data.info.shape),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10),
    ])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(data.train, epochs=2, shuffle=False, verbose=0)
    return b"".join(weights.tobytes() for weights in model.get_weights())

print(*(hashlib.sha256(trained()).hexdigest() for _ in range(2)))
"""


@pytest.mark.rows("OTH-22")
@pytest.mark.slow  # two starts of TensorFlow
def test_weights_are_bit_equal_with_parallel_augmentation_and_dropout():
    processes = [
        subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    (digest,) = {*printed[0], *printed[1]}
    assert len(digest) == len(hashlib.sha256().hexdigest())
