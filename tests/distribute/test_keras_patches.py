"""The patched functions of Keras are the ones known, and nothing is patched before it is needed."""

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


def test_importing_changes_nothing():
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
