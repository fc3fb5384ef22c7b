"""Ctrl-C, as a terminal or a cluster sends it to a real process."""

import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kerasdl import recipes
from tests.runs import slow

SLOW = pathlib.Path(__file__).with_name("slow.py")
# an epoch: 8, 8, 8 steps, then 2

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stopping")]


class Process:
    """One that waits after each execution, for runs one after the other."""

    def __init__(self, *folders):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen([sys.executable, SLOW, *folders], text=True, **pipes)
        self.send = self.process.send_signal

    def tell(self, line=""):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self, line):
        assert self.process.stdout.readline() == f"{line}\n", self.process.stderr.read()

    def wait_for(self, executions):
        for execution in range(executions):
            if execution:
                self.tell()
            self.hear("execution")

    def end(self):
        """Its status and what it said of errors."""
        _, error = self.process.communicate(timeout=20)
        return self.process.returncode, error


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Two that start together: for a run that SIGTERM stops, and for two that Ctrl-C stops."""
    folder = tmp_path_factory.mktemp("runs")
    found = Process(folder / "term"), Process(folder / "once", folder / "twice")
    yield folder, *found
    for each in found:
        each.process.kill()
        each.process.communicate()


@pytest.fixture(scope="module")
def assert_resumes(tmp_path_factory):
    """A stopped run ends as an undisturbed one does."""

    def finished(out):  # in a process like those that were stopped: another's sums may round
        command = [sys.executable, "-m", *slow.TRAIN, out]
        subprocess.run(command, check=True, capture_output=True)
        return recipes.open(out)

    undisturbed = finished(tmp_path_factory.mktemp("undisturbed") / "run")

    def check(out):
        resumed = finished(out)
        assert resumed.history == undisturbed.history
        for a, b in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)

    return check


def stopped(kept, folder):
    return f"Stopped. {kept} are kept in {folder}"


def test_a_cluster_that_announces_the_end(processes, assert_resumes):
    folder, process, _ = processes
    process.wait_for(4)
    process.send(signal.SIGTERM)  # it validates
    status, error = process.end()
    assert status == 128 + signal.SIGTERM, error
    assert stopped("0 of 3 epochs and 26 of 26 steps", folder / "term") in error, error
    assert "Stopping after this step; a second signal stops at once." in error
    assert_resumes(folder / "term")


def test_ctrl_c_once_and_in_what_computes_for_ever_twice(processes, assert_resumes):
    folder, _, process = processes
    process.wait_for(5)
    process.send(signal.SIGINT)
    process.tell()
    process.hear("status 130")
    process.wait_for(1)
    process.tell("compute")
    time.sleep(1)
    process.send(signal.SIGINT)
    time.sleep(1)
    assert process.process.poll() is None
    begin = time.monotonic()
    process.send(signal.SIGINT)
    status, error = process.end()
    assert time.monotonic() - begin < 3
    assert status == 130
    assert stopped("1 of 3 epochs and 16 of 26 steps", folder / "once") in error, error
    assert error.count("Stopping after this step; a second signal stops at once.") == 2
    assert "Stopped at once; 0 of 3 epochs are kept." in error, error
    assert_resumes(folder / "once")
