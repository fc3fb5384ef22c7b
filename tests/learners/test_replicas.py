"""Two replicas learn what one learns: losses, weights and history."""

import pathlib
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae_tiny", "dcgan_tiny"])
def test_two_replicas_equal_one(name):
    # in a process of its own, because collectives of different models in one collide
    script = pathlib.Path(__file__).with_name("two_replicas.py")
    result = subprocess.run(
        [sys.executable, script, name], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == "equal"
