"""What is replaced in Keras is what we know, and nothing is replaced before it is asked for."""

import subprocess
import sys

import pytest

from kerasdl.distribute import mending
from kerasdl.errors import InvalidInput

NOTICE = (
    "Keras's `{}` has changed. If its `fit` under MultiWorkerMirroredStrategy works now (issue "
    "20585), kerasdl.distribute.mending can go; else read what changed, mend it, take the new hash."
)


@pytest.mark.parametrize("name", mending.KNOWN)
def test_keras_is_as_it_was(name):
    owner, known = mending.KNOWN[name]
    found = mending._plain.get(name) or getattr(owner, name)
    assert mending.fingerprint(found) == known, NOTICE.format(name)


def test_another_keras_is_refused(monkeypatch):
    monkeypatch.setattr(mending, "_plain", {})
    owner, _ = mending.KNOWN["reduce_per_replica"]
    monkeypatch.setitem(mending.KNOWN, "reduce_per_replica", (owner, "another"))
    with pytest.raises(InvalidInput, match=r"version of Keras .*reduce_per_replica"):
        mending.mend()
    assert not mending._plain


def test_importing_changes_nothing():
    code = """
from keras.src.backend.tensorflow import trainer
before = dict(vars(trainer.TensorFlowTrainer)), dict(vars(trainer))
import kerasdl
kerasdl.distribute.strategy("one")
from kerasdl.distribute import mending
assert before == (dict(vars(trainer.TensorFlowTrainer)), dict(vars(trainer)))
mending.mend()
assert before != (dict(vars(trainer.TensorFlowTrainer)), dict(vars(trainer)))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
