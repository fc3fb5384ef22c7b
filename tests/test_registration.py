"""`keras.models.load_model` finds the classes of kerasdl after only `import kerasdl`."""

import functools
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


MAKE = {name: functools.partial(create_model, name) for name in TINY}
MAKE |= {subject.name: subject.make for subject in SUBJECTS}  # a functional model around a layer


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
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_keras_loads_tiny_models_and_layers_in_a_fresh_process(imports, every, tmp_path):
    """Each of them, or each third, and a model with all other parts are saved and loaded."""
    made = {name: MAKE[name]() for name in sorted(MAKE)[::every]}
    made["compiled"] = compiled()
    for name, model in made.items():
        model.save(tmp_path / f"{name}.keras")
    command = [sys.executable, "-c", LOAD.format(imports=imports)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        name: [f"{type(model).__module__}.{type(model).__name__}"]
        + [type(layer).__name__ for layer in model.layers]
        for name, model in made.items()
    }
