"""SIGKILL while training and while saving; `benchmarks/random_kills.py` kills more, and others."""

import subprocess
import sys
import time

import numpy as np

from kerasdl import recipes

SCRIPT = """
import sys
from kerasdl import recipes
from kerasdl.recipes import training

manner = {"progress": False, "pictures": False, "save_seconds": 0, "deterministic": True}
training.train(recipes.get("mlp").replace(epochs=40), sys.argv[1], **manner)
"""


def started(out):
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(out)], stderr=subprocess.PIPE)


def finished(process, out):
    _, error = process.communicate(timeout=200)
    assert process.returncode == 0, error.decode()
    return recipes.open(out)


def wait_until(process, condition):
    while not condition():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.0002)


def test_killed_and_resumed_is_bit_equal_to_undisturbed(tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    latest = out / "checkpoints" / "latest.npz"
    other, process = started(whole), started(out)
    wait_until(process, latest.exists)
    process.kill()
    process.communicate()
    undisturbed = finished(other, whole)

    process, before = started(out), latest.stat().st_mtime_ns
    wait_until(process, lambda: latest.exists() and latest.stat().st_mtime_ns != before)
    wait_until(process, latest.with_suffix(".partial").exists)
    process.kill()
    process.communicate()
    assert not recipes.Run(out).finished

    resumed = finished(started(out), out)
    assert resumed.config["deterministic"] and resumed.history == undisturbed.history
    assert resumed.metrics["test"] == undisturbed.metrics["test"]
    for a, b in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
