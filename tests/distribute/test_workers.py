"""Several replicas compute what one computes: devices of one process, and two processes."""

import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from kerasdl.distribute import launching

WORKER = str(pathlib.Path(__file__).parent / "worker.py")
SUBJECTS = (
    "functional",
    "last batch of one",
    "class weights",
    "steps per execution",
    "mixed precision",
    "subclassed",
    "own step",
    "sequential",
    "se_resnet_tiny",
    "vae",
    "dcgan",
    "gpt_tiny",
)


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """What every subject gave, by who computed it."""
    folder = tmp_path_factory.mktemp("workers")
    for strategy in ("one", "cpu:2"):
        subprocess.run([sys.executable, WORKER, strategy, folder], check=True)
    assert launching.launch([sys.executable, WORKER, "multiworker", str(folder)], workers=2) == 0
    return {file.stem: pickle.loads(file.read_bytes()) for file in folder.glob("*.pickle")}


def test_all_have_computed(results):
    assert sorted(results) == ["cpu-2-0", "multiworker-0", "multiworker-1", "one-0"]
    assert all(tuple(found) == SUBJECTS for found in results.values())


@pytest.mark.parametrize("who", ["cpu-2-0", "multiworker-0", "multiworker-1"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_same_as_one(results, who, subject):
    one, several = results["one-0"][subject], results[who][subject]
    near = {"rtol": 1e-5, "atol": 1e-5} if subject != "mixed precision" else {"atol": 0.05}
    for name in one["history"]:
        np.testing.assert_allclose(several["history"][name], one["history"][name], **near)
    assert one.keys() == several.keys()
    for name in set(one) - {"history", "weights"}:
        np.testing.assert_allclose(several[name], one[name], **near)
    for left, right in zip(several["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(left, right, **near)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_workers_agree_to_the_bit(results, subject):
    first, second = results["multiworker-0"][subject], results["multiworker-1"][subject]
    for left, right in zip(first["weights"], second["weights"], strict=True):
        np.testing.assert_array_equal(left, right)
    assert first["history"] == second["history"]
