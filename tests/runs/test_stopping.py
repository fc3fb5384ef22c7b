"""Ctrl-C from a terminal and SIGTERM from a cluster, sent to a real process."""

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
# an epoch has executions of 8, 8, 8 and 2 steps

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stopping")]


class Process:
    """A process that trains several runs in turn and waits after each execution."""

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
        """Return its exit status and standard error."""
        _, error = self.process.communicate(timeout=20)
        return self.process.returncode, error


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Start two processes: for a run stopped by SIGTERM, and for two runs stopped by Ctrl-C."""
    folder = tmp_path_factory.mktemp("runs")
    found = Process(folder / "term"), Process(folder / "once", folder / "twice")
    yield folder, *found
    for each in found:
        each.process.kill()
        each.process.communicate()


@pytest.fixture(scope="module")
def assert_resumes(tmp_path_factory):
    """Return a function that checks that a stopped run ends like an uninterrupted one."""

    # in a process like the stopped ones, because sums may round differently in another
    def finished(out):
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


def test_sigterm_from_a_cluster_stops_a_run_that_resumes(processes, assert_resumes):
    folder, process, _ = processes
    process.wait_for(4)
    process.send(signal.SIGTERM)  # it is in validation
    status, error = process.end()
    assert status == 128 + signal.SIGTERM, error
    assert stopped("0 of 3 epochs and 26 of 26 steps", folder / "term") in error, error
    assert "Stopping after this step; a second signal stops at once." in error
    assert_resumes(folder / "term")


def test_one_ctrl_c_stops_a_run_and_two_stop_an_endless_computation(processes, assert_resumes):
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
