"""Patched functions of Keras have known sources, and are patched only when needed."""

import subprocess
import sys

import pytest

from kerasdl.distribute import keras_patches
from kerasdl.errors import InvalidInput

ADVICE = (
    "Keras's `{}` has changed. If `fit` works under MultiWorkerMirroredStrategy now (issue 20585), "
    "remove kerasdl.distribute.keras_patches. Else adapt the patch and add the new hash to KNOWN."
)


@pytest.mark.parametrize("name", keras_patches.KNOWN)
def test_keras_has_the_known_source(name):
    owner, known = keras_patches.KNOWN[name]
    found = keras_patches._original.get(name) or getattr(owner, name)
    assert keras_patches.fingerprint(found) in known, ADVICE.format(name)


def test_an_unknown_keras_is_refused(monkeypatch):
    monkeypatch.setattr(keras_patches, "_original", {})
    owner, _ = keras_patches.KNOWN["reduce_per_replica"]
    monkeypatch.setitem(keras_patches.KNOWN, "reduce_per_replica", (owner, ("another",)))
    with pytest.raises(InvalidInput, match=r"version of Keras .*reduce_per_replica"):
        keras_patches.apply()
    assert not keras_patches._original


def test_importing_does_not_patch_keras():
    code = """
from keras.src.backend.tensorflow import trainer
owner = getattr(trainer, "TensorFlowTrainer", None) or trainer.Trainer
before = dict(vars(owner)), dict(vars(trainer))
import kerasdl
kerasdl.distribute.strategy("one")
from kerasdl.distribute import keras_patches
assert before == (dict(vars(owner)), dict(vars(trainer)))
keras_patches.apply()
assert before != (dict(vars(owner)), dict(vars(trainer)))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


COUNT = """
import keras, numpy as np, tensorflow as tf
from kerasdl import distribute

strategy = distribute.strategy("cpu:2")
x = np.ones((38, 3), "float32")  # five batches, the last of six
with strategy.scope():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", steps_per_execution=STEPS)
data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
model.fit(data, epochs=2, verbose=0, shuffle=False)
print("steps", int(model.optimizer.iterations.value.numpy()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 4])
def test_the_optimizer_counts_the_steps_of_several_replicas(steps):
    """An extra step without data at the end of an epoch would shift learning rate schedules."""
    command = [sys.executable, "-c", COUNT.replace("STEPS", str(steps))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["steps", "10"]
