"""Checkpoints written while training continues, damaged ones, a full disk, a folder in use."""

import itertools
import os
import subprocess
import sys
import threading
import tracemalloc
import types

import keras
import numpy as np
import pytest

from kerasdl.callbacks import state
from kerasdl.errors import InvalidInput
from kerasdl.runs import folder
from kerasdl.training import checkpoint as module
from kerasdl.training import lock
from kerasdl.training.checkpoint import Checkpoint
from kerasdl.utils import memory


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    model.compile("adam", "mse")
    return model


def checkpoint_of(model, folder):
    checkpoint = Checkpoint(folder, seconds=0)
    checkpoint.set_model(model)
    return checkpoint


def fitted(model, folder, epochs):
    x = np.ones((8, 4), "float32")
    checkpoint = checkpoint_of(model, folder)
    model.fit(x, x[:, :3], epochs=epochs, callbacks=[checkpoint], verbose=0)
    return checkpoint


def restored(model, folder):
    """Return the checkpoint in a folder, and the state that it restores."""
    checkpoint = checkpoint_of(model, folder)
    checkpoint.restore(model)
    return checkpoint, state.copy(state.variables_of(model))


def assert_equal(values, expected):
    for value, other in zip(values, expected, strict=True):
        np.testing.assert_array_equal(value, other)


def test_training_continues_while_the_state_of_a_step_is_written(model, tmp_path, monkeypatch):
    write, released, states = module._write_arrays, threading.Event(), []

    def write_later(*arguments):
        assert released.wait(60)
        write(*arguments)

    def after_epoch(epoch, logs):
        states.append(state.copy(state.variables_of(model)))
        if epoch == 2:
            assert not checkpoint.file.exists()
            released.set()

    monkeypatch.setattr(module, "_write_arrays", write_later)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.begun = -1e9  # the first one is due
    after = keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)
    x = np.ones((8, 4), "float32")
    model.fit(x, x[:, :3], epochs=3, callbacks=[checkpoint, after], verbose=0)
    again, values = restored(model, tmp_path)
    assert again.epoch == 3
    assert_equal(values, states[2])
    checkpoint.file.unlink()
    again, values = restored(model, tmp_path)
    assert again.epoch == 1
    assert_equal(values, states[0])


@pytest.mark.parametrize("steps", [4, None])
def test_error_while_training_continues_is_raised_after_the_next_step_or_at_the_end(
    model, steps, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "fsync", full)
    checkpoint, done = Checkpoint(tmp_path, seconds=0, steps=steps), []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: done.append(batch)
    )
    x = np.ones((8, 4), "float32")
    with pytest.raises(InvalidInput, match=r"room .0 epochs are kept.*No space left") as raised:
        model.fit(x, x[:, :3], batch_size=2, callbacks=[count, checkpoint], verbose=0)
    assert "\n" not in str(raised.value) and len(done) == (2 if steps else 4)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("seconds", "between"), [(None, 30), (2, 2), (0, 1)])
def test_expensive_checkpoints_are_rare_unless_their_time_is_given(
    model, seconds, between, tmp_path, monkeypatch
):
    """Steps of one second, and writing that takes 0.39 seconds of processor time."""
    used, now = itertools.count(step=0.39), [0]
    times = {"monotonic": lambda: now[0], "thread_time": lambda: next(used)}
    monkeypatch.setattr(module, "time", types.SimpleNamespace(**times))
    checkpoint = Checkpoint(tmp_path, seconds=seconds, steps=200)
    checkpoint.set_model(model)
    saved = []
    for step in range(200):
        now[0] = step + 1
        checkpoint.on_train_batch_end(step, {})
        checkpoint.wait()
        saved += [now[0]] if checkpoint.saved == checkpoint.now else []
    first = module.SECONDS if seconds is None else between
    assert saved == [*range(int(first), 201, between)]


def test_first_checkpoint_of_a_large_model_is_late(model, tmp_path):
    checkpoint = checkpoint_of(model, tmp_path)
    checkpoint.seconds = None
    assert checkpoint._interval() == module.SECONDS
    checkpoint = Checkpoint(tmp_path)
    variable = types.SimpleNamespace(shape=(500_000_000,), dtype="float32")
    layers = {"variables": [variable], "optimizer": None, "metrics_variables": []}
    checkpoint.set_model(types.SimpleNamespace(**layers))
    assert checkpoint._interval() == pytest.approx(300)


def test_without_memory_for_a_copy_training_waits_until_the_state_is_written(
    model, tmp_path, monkeypatch
):
    monkeypatch.setattr(memory, "available", lambda: 0)
    checkpoint = checkpoint_of(model, tmp_path)
    checkpoint.on_epoch_end(0, {})
    assert checkpoint.saved == (1, 0) and checkpoint.thread is None
    assert checkpoint.snapshot.values == []
    expected = state.copy(state.variables_of(model))
    assert_equal(restored(model, tmp_path)[1], expected)


def test_flipped_bit_is_detected_if_it_changes_the_content(model, tmp_path, capsys):
    checkpoint = fitted(model, tmp_path, epochs=2)
    saved = [np.array(v) for v in state.variables_of(model)]
    content, told = checkpoint.file.read_bytes(), 0
    for place in range(0, len(content), 61):
        spoilt = bytearray(content)
        spoilt[place] ^= 4
        checkpoint.file.write_bytes(spoilt)
        again = checkpoint_of(model, tmp_path)
        again.restore(model)
        if "latest.npz cannot be read" in capsys.readouterr().err:
            told += 1
            assert again.epoch == 1
        else:  # in a part of the archive that zip repeats or ignores
            assert again.epoch == 2
            for value, variable in zip(saved, state.variables_of(model), strict=True):
                np.testing.assert_array_equal(value, variable)
    assert told > 0.4 * len(content) / 61


@pytest.mark.parametrize("damage", ["torn", "empty"])
def test_damaged_checkpoint_is_reported_and_the_previous_one_used(model, damage, tmp_path, capsys):
    checkpoint = fitted(model, tmp_path, epochs=3)
    content = checkpoint.file.read_bytes()
    checkpoint.file.write_bytes(content[: len(content) // 2 if damage == "torn" else 0])
    again = checkpoint_of(model, tmp_path)
    again.restore(model)
    assert again.epoch == 2
    assert len(again.history["loss"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "latest.npz cannot be read" in line


def test_compressed_checkpoint_is_not_unpacked(model, tmp_path, capsys):
    checkpoint = fitted(model, tmp_path, epochs=3)
    with np.load(checkpoint.file) as saved:
        np.savez_compressed(checkpoint.file, **saved, v9=np.zeros(50_000_000, "int8"))
    tracemalloc.start()
    again = checkpoint_of(model, tmp_path)
    again.restore(model)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert again.epoch == 2
    assert "latest.npz cannot be read (it holds compressed" in capsys.readouterr().err


def test_two_damaged_checkpoints_are_reported_and_training_starts_again(model, tmp_path, capsys):
    checkpoint = fitted(model, tmp_path, epochs=3)
    for file in (checkpoint.file, checkpoint.previous):
        file.write_bytes(b"damaged")
    again = checkpoint_of(model, tmp_path)
    again.restore(model)
    assert again.epoch == 0 and again.history == {}
    first, second = capsys.readouterr().err.splitlines()
    assert "latest.npz cannot be read" in first and "the previous one is used" in first
    assert "previous.npz cannot be read" in second and "starts from the beginning" in second


def test_checkpoint_of_another_training_is_reported(model, tmp_path, capsys):
    checkpoint = fitted(model, tmp_path, epochs=3)
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.compile("adam", "mse")
    before = [np.array(v) for v in other.variables]
    for again, trained, message in [
        (checkpoint_of(other, tmp_path), other, "it is of another model"),
        (Checkpoint(tmp_path, epochs=1), model, "it is of epoch 4"),
    ]:
        again.restore(trained)
        assert again.epoch == 0 and checkpoint.epoch == 3
        assert message in capsys.readouterr().err
    for value, variable in zip(before, other.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


@pytest.mark.parametrize(
    "meta", ["[]", "{}", "3", '{"epoch": -1}', '{"epoch": "1", "step": 0}', "[" * 9999]
)
def test_invalid_metadata_of_a_checkpoint_are_reported(model, meta, tmp_path, capsys):
    checkpoint = fitted(model, tmp_path, epochs=1)
    checkpoint.previous.unlink(missing_ok=True)
    with np.load(checkpoint.file) as saved:
        arrays = {**saved, "meta": meta}
    np.savez(checkpoint.file, **arrays)
    again = checkpoint_of(model, tmp_path)
    again.restore(model)
    assert again.epoch == 0
    assert "starts from the beginning" in capsys.readouterr().err


def test_metric_missing_in_some_epochs_keeps_its_epochs(model, tmp_path):
    checkpoint = checkpoint_of(model, tmp_path)
    for epoch, logs in enumerate([{"loss": 3.0}, {"loss": 2.0, "extra": 1.0}, {"loss": 1.0}]):
        checkpoint.on_epoch_end(epoch, logs)
    assert checkpoint.history == {"loss": [3.0, 2.0, 1.0], "extra": [None, 1.0, None]}
    folder.write_history(tmp_path / "history.csv", checkpoint.history)
    assert folder.read_history(tmp_path / "history.csv") == checkpoint.history


def test_previous_checkpoint_exists_between_two_renames(model, tmp_path):
    checkpoint = fitted(model, tmp_path, epochs=2)
    checkpoint.file.unlink()
    again = checkpoint_of(model, tmp_path)
    again.restore(model)
    assert again.epoch == 1


def full(*_):
    raise OSError(28, "No space left on device")


def test_full_disk_gives_one_line_and_keeps_the_last_state(model, tmp_path, monkeypatch):
    checkpoint = fitted(model, tmp_path, epochs=2)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match=r"room .2 epochs are kept.*No space left") as raised:
        checkpoint.save()
    assert "\n" not in str(raised.value)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["latest.npz", "previous.npz"]
    again = checkpoint_of(model, tmp_path)
    again.restore(model)
    assert again.epoch == 2


def test_second_process_in_a_folder_is_refused(tmp_path):
    code = f"""
import pathlib, time
from kerasdl.training import lock
with lock.hold(pathlib.Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(InvalidInput, match=f"process {process.pid} does"), lock.hold(tmp_path):
        pass
    process.kill()
    process.communicate()
    with lock.hold(tmp_path):
        pass
