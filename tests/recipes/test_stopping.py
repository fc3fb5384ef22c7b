"""Ctrl-C, as a terminal or a cluster sends it to a real process."""

import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kerasdl import recipes
from kerasdl.recipes import training

SLOW = pathlib.Path(__file__).with_name("slow.py")
RECIPE = recipes.get("mlp").replace(epochs=3, batch_size=32)  # an epoch: 8, 8, 8 steps, then 2


def started(manner, out):
    command = [sys.executable, SLOW, manner, "train", "mlp", "--epochs", "3", "--out", out]
    command += ["--batch-size", "32", "--save-seconds", "1000"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([str(part) for part in command], text=True, **pipes)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Three runs that start together: two that wait after each execution, one that computes."""
    folder = tmp_path_factory.mktemp("runs")
    manners = {"once": "wait", "term": "wait", "twice": "compute"}
    processes = {name: started(manner, folder / name) for name, manner in manners.items()}
    yield folder, processes
    for process in processes.values():
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("undisturbed") / "run")


def finished(out):
    return training.train(RECIPE, out, progress=False, pictures=False)


def wait_for(process, executions):
    for execution in range(executions):
        if execution:
            process.stdin.write("\n")
            process.stdin.flush()
        assert process.stdout.readline() == "execution\n", process.stderr.read()


@pytest.mark.parametrize(
    ("name", "number", "executions", "kept"),
    [
        ("once", signal.SIGINT, 5, "1 of 3 epochs and 16 of 26 steps"),
        ("term", signal.SIGTERM, 4, "0 of 3 epochs and 26 of 26 steps"),  # it validates
    ],
)
def test_one_signal_saves_and_stops(running, name, number, executions, kept, undisturbed):
    folder, processes = running
    wait_for(processes[name], executions)
    processes[name].send_signal(number)
    _, error = processes[name].communicate(timeout=20)
    assert processes[name].returncode == 128 + number, error
    assert f"Stopped. {kept} are kept in {folder / name}" in error, error
    assert "Stopping after this step; once more stops at once." in error
    resumed = finished(folder / name)
    assert resumed.history == undisturbed.history
    for a, b in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_signals_stop_at_once_what_computes_for_ever(running):
    _, processes = running
    wait_for(processes["twice"], 1)
    processes["twice"].send_signal(signal.SIGINT)
    time.sleep(1)
    assert processes["twice"].poll() is None
    begin = time.monotonic()
    processes["twice"].send_signal(signal.SIGINT)
    _, error = processes["twice"].communicate(timeout=20)
    assert time.monotonic() - begin < 3
    assert processes["twice"].returncode == 130
    assert "Stopped at once; 0 of 3 epochs are kept." in error, error
