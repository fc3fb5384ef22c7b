"""`kerasdl launch -- train`: two workers write the run of one process, also after a kill."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kerasdl import recipes, runs

pytestmark = [
    pytest.mark.slow,  # starts TensorFlow seven times
    pytest.mark.xdist_group("launched runs"),  # one run is shared by the tests
]

NAME = "lenet5"  # a recipe without dropout
EPOCHS = 2
KERASDL = [sys.executable, "-m", "kerasdl"]
BATCH = 256  # four steps per epoch
TRAIN = ["train", NAME, "--save-seconds", "0", "--batch-size", str(BATCH), "--json"]


def launched(folder):
    command = [*KERASDL, "launch", "--workers", "2", "--", *TRAIN]
    command += ["--epochs", str(EPOCHS), "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def undisturbed(folder):
    """A run of two workers and their output."""
    process = launched(folder / "two")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output.decode()
    return recipes.open(folder / "two"), output.decode()


def test_two_workers_train_like_one_process(undisturbed, folder):
    run, output = undisturbed
    assert [line[:3] for line in output.splitlines() if '"metric"' in line][:1] == ["[0]"]
    # only the chief prints results; the other worker may print that it waits
    assert not [line for line in output.splitlines() if line[:3] == "[1]" and '"metric"' in line]
    one = recipes.get(NAME).replace(epochs=EPOCHS, batch_size=BATCH)
    one = one.run(folder / "one", progress=False, strategy="one")
    for name, values in one.history.items():
        # AdamW amplifies rounding errors; `test_workers` tests exactness with SGD
        np.testing.assert_allclose(run.history[name], values, rtol=0.02, atol=0.02)


def test_a_killed_worker_ends_the_run_and_the_same_command_resumes_it(undisturbed, folder):
    run, _ = undisturbed
    out = folder / "killed"
    process = launched(out)
    checkpoint = out / "checkpoints" / "latest.npz"
    limit = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < limit:
        time.sleep(0.05)
    os.kill(worker_of(process.pid), signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert not runs.is_finished(out)
    process = launched(out)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output.decode()
    again = recipes.open(out)
    assert again.history == run.history
    for left, right in zip(again.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def worker_of(launcher):
    """Return the process id of worker 1."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            variables = (process / "environ").read_text().split("\0")
        except OSError:
            continue
        config = next((v[10:] for v in variables if v.startswith("TF_CONFIG=")), "")
        if parent == launcher and config and json.loads(config)["task"]["index"] == 1:
            return int(process.name)
    raise AssertionError("no worker runs")
