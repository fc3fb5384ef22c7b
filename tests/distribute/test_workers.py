"""Training on two devices or two processes gives the same results as on one device."""

import pathlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import data
from kerasdl.distribute import launching

WORKER = str(pathlib.Path(__file__).parent / "worker.py")
# tolerances other than 1e-5; bfloat16 differs as much from float32, with its 8 significant bits
NEAR = {"mixed precision": 0.15}
BY_FILE = "records by file"
FEW = ["last batch of one", "steps per execution"]


@pytest.mark.rows("TRN-16")
@pytest.mark.slow
def test_two_devices_and_two_workers_give_the_results_of_one_device(tmp_path):
    """One test for all comparisons, so that each subject is trained once per strategy."""
    splits = kerasdl.data.load("digits")
    data.write_records(splits, tmp_path / "records", shards=3)
    for strategy, subjects in (("one", []), ("cpu:2", FEW)):
        subprocess.run([sys.executable, WORKER, strategy, tmp_path, *subjects], check=True)
    assert launching.launch([sys.executable, WORKER, "multiworker", str(tmp_path)], workers=2) == 0
    results = {file.stem: pickle.loads(file.read_bytes()) for file in tmp_path.glob("*.pickle")}
    one = results.pop("one-0")
    records = {who: found.pop(BY_FILE) for who, found in results.items() if BY_FILE in found}
    check_records(records, one.pop(BY_FILE), splits.info.counts["train"])
    assert sorted(results) == ["cpu-2-0", "multiworker-0", "multiworker-1"]
    differences = {
        (who, subject): largest_difference(found[subject], one[subject])
        for who, found in results.items()
        for subject in found
    }
    near = {key: NEAR.get(key[1], 1e-5) for key in differences}
    assert not {key: value for key, value in differences.items() if not value <= near[key]}
    first, second = results["multiworker-0"], results["multiworker-1"]
    assert not {name: d for name in one if (d := largest_difference(first[name], second[name]))}


def check_records(records, one, count):
    """Check that each example is read by one worker, and that both train the same model."""
    first, second = records["multiworker-0"], records["multiworker-1"]
    assert first["read"] + second["read"] == one["read"] == count
    assert abs(min(first["read"], second["read"]) - count / 3) <= 1  # one of three files
    assert not largest_difference(first["weights"], second["weights"])
    assert first["history"]["loss"] == second["history"]["loss"]
    assert abs(first["history"]["loss"][-1] - one["history"]["loss"][-1]) < 0.2


def largest_difference(left, right):
    """Return the largest difference of two results, relative for values above 1."""
    numbers = zip(keras.tree.flatten(left), keras.tree.flatten(right), strict=True)
    return max(
        float((np.abs(np.float64(a) - np.float64(b)) / np.maximum(1, np.abs(b))).max())
        for a, b in numbers
    )
