"""`keras.models.load_model` finds the classes of kerasdl after only `import kerasdl`."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasdl import create_model, list_models, metrics, optimizers, schedules
from tests.conformance.layers import SUBJECTS

TINY = [name for name in list_models() if name.endswith("_tiny")]
LOAD = """
import json, pathlib, sys
{imports}
import keras
loaded = {{}}
for file in sorted(pathlib.Path().glob("*.keras")):
    model = keras.models.load_model(file)
    loaded[file.stem] = [f"{{type(model).__module__}}.{{type(model).__name__}}"]
    loaded[file.stem] += [type(layer).__name__ for layer in model.layers]
json.dump(loaded, sys.stdout)
"""
ONLY_KERASDL = """
import kerasdl
assert not {"keras", "tensorflow"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Save every tiny model, a functional model around each layer, and one with all other parts."""
    folder = tmp_path_factory.mktemp("models")
    made = {name: create_model(name) for name in TINY}
    made |= {subject.name: subject.make() for subject in SUBJECTS}
    made["compiled"] = compiled()
    for name, model in made.items():
        model.save(folder / f"{name}.keras")
    return folder, made


def compiled():
    """Return a Keras model with an optimizer, a schedule and a metric of kerasdl."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    optimizer = optimizers.AdamW(schedules.OneCycle(0.1, 10))
    metric = metrics.ExpectedCalibrationError(from_logits=True)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=[metric])
    model.fit(np.ones((4, 4)), np.zeros(4), verbose=0)
    return model


@pytest.mark.parametrize("imports", [ONLY_KERASDL, "import keras\nimport kerasdl"])
def test_keras_loads_every_tiny_model_and_every_layer_in_a_fresh_process(imports, models):
    folder, made = models
    command = [sys.executable, "-c", LOAD.format(imports=imports)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        name: [f"{type(model).__module__}.{type(model).__name__}"]
        + [type(layer).__name__ for layer in model.layers]
        for name, model in made.items()
    }
