"""SIGKILL while training and while saving; see also `benchmarks/random_kills.py`."""

import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from kerasdl import recipes, runs

KILLED = pathlib.Path(__file__).with_name("killed.py")


def trained(manner, *folders):
    """Train into folders; return the exit status of the process."""
    command = [sys.executable, KILLED, manner, *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    return done.returncode, done.stderr


@pytest.mark.rows("TRN-10", "TRN-14")
@pytest.mark.slow
def test_killed_and_resumed_run_is_bit_equal_to_an_uninterrupted_one(tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    latest = out / "checkpoints" / "latest.npz"
    partial = latest.with_suffix(".partial")

    status, error = trained("training", out)
    assert status == -signal.SIGKILL and latest.exists() and not partial.exists(), error
    before = latest.stat().st_mtime_ns
    status, error = trained("saving", out)
    assert status == -signal.SIGKILL and partial.exists(), error
    assert latest.stat().st_mtime_ns != before and not runs.is_finished(out)

    status, error = trained("undisturbed", out, whole)
    assert status == 0, error
    resumed, undisturbed = recipes.open(out), recipes.open(whole)
    assert resumed.config["deterministic"] and resumed.history == undisturbed.history
    assert resumed.metrics["test"] == undisturbed.metrics["test"]
    for a, b in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
