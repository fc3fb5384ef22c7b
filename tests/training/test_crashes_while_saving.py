"""A process that crashes while saving, at each call that changes the disk."""

import os
import pathlib

import keras
import numpy as np
import pytest

from kerasdl.callbacks import state
from kerasdl.errors import InvalidInput
from kerasdl.training.checkpoint import Checkpoint


class Killed(BaseException):
    """An exception that no code catches."""


class Disk:
    """Count the calls that change the disk; those after the `last` fail."""

    def __init__(self, monkeypatch, last, error):
        self.calls, self.last, self.error = 0, last, error
        opened = pathlib.Path.open
        monkeypatch.setattr(pathlib.Path, "open", lambda *a, **k: File(self, opened(*a, **k)))
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name)))

    def counted(self, call):
        def counting(*args):
            self.calls += 1
            if self.calls > self.last:
                raise self.error
            return call(*args)

        return counting


class File:
    """A file whose writes are counted; the failing one writes half of its content."""

    def __init__(self, disk, file):
        self.disk, self.file = disk, file

    def write(self, content):
        if self.disk.calls == self.disk.last:
            self.file.write(bytes(content)[: len(content) // 2])
            self.file.flush()
        return self.disk.counted(self.file.write)(content)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()


def model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a model, and its states after the first and the second epoch."""
    states, trained, x = [], model(), np.ones((8, 4), "float32")
    for _ in range(2):
        trained.fit(x, x[:, :3], verbose=0)
        states.append(state.copy(state.variables_of(trained)))
    return trained, states


def saved(trained, states, folder, epoch):
    """Return a checkpoint that has saved the previous epochs and is about to save this one."""
    checkpoint = Checkpoint(folder, seconds=0, steps=1)
    checkpoint.set_model(trained)
    for number in range(1, epoch + 1):
        state.put(state.variables_of(trained), states[number - 1])
        checkpoint.now, checkpoint.history["loss"] = (number, 0), [0.5] * number
        if number < epoch:
            checkpoint.save()
    return checkpoint


def restored(folder):
    fresh = model()
    checkpoint = Checkpoint(folder, steps=1)
    checkpoint.restore(fresh)
    return checkpoint, state.copy(state.variables_of(fresh))


def calls_of_a_whole_save(trained, states, folder, monkeypatch):
    checkpoint = saved(trained, states, folder, 2)
    disk = Disk(monkeypatch, float("inf"), None)
    checkpoint.save()
    monkeypatch.undo()
    return disk.calls


@pytest.mark.parametrize("error", [Killed(), OSError(28, "No space left on device")], ids=repr)
@pytest.mark.slow
def test_crash_at_any_call_leaves_a_complete_state(trained, error, tmp_path, monkeypatch):
    calls = calls_of_a_whole_save(*trained, tmp_path, monkeypatch)
    assert calls > 20
    for last in range(calls):
        folder = tmp_path / str(last)
        folder.mkdir()
        checkpoint = saved(*trained, folder, 2)
        Disk(monkeypatch, last, error)
        with pytest.raises((Killed, InvalidInput)) as raised:
            checkpoint.save()
        monkeypatch.undo()
        if isinstance(error, OSError):
            assert "1 epochs are kept" in str(raised.value)
            assert not list(folder.glob("*.partial"))
        again, values = restored(folder)
        assert again.epoch == 1 and again.history == {"loss": [0.5]}
        for value, expected in zip(values, trained[1][0], strict=True):
            np.testing.assert_array_equal(value, expected)
    assert restored(tmp_path)[0].epoch == 2  # the complete save
