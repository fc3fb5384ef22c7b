"""Training on two replicas gives the losses, weights and history of training on one."""

import pathlib
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae_tiny", "dcgan_tiny"])
def test_two_replicas_equal_one(name):
    # in its own process, because collectives of several models in one process collide
    script = pathlib.Path(__file__).with_name("two_replicas.py")
    result = subprocess.run(
        [sys.executable, script, name], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == "equal"
