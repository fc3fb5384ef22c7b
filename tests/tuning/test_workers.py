"""A search shared by a chief and two workers, and how it continues if one of them dies."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import keras_tuner
import pytest
from keras_tuner.src.distribute import oracle_client

from kerasdl.distribute import launching
from kerasdl.errors import InvalidInput
from kerasdl.tasks.task import Metric
from kerasdl.tuning import oracles, workers

TRIALS = 3
TUNE = [sys.executable, "-m", "kerasdl", "tune", "mlp", "--trials", str(TRIALS), "--epochs", "1"]


def start(name, port, folder):
    names = {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    return subprocess.Popen(
        [*TUNE, "--out", str(folder)],
        env={**os.environ, **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_chief_and_two_workers_share_a_search(tmp_path):
    (port,) = launching.free_ports(1)
    folder = tmp_path / "search"
    # workers that start first wait for the chief
    running = {name: start(name, port, folder) for name in ("tuner0", "tuner1", "chief")}
    limit = time.monotonic() + 240
    while any(process.poll() is None for process in running.values()) and time.monotonic() < limit:
        time.sleep(0.2)
    for process in running.values():
        process.kill()
    printed = {name: process.communicate() for name, process in running.items()}
    assert {process.returncode for process in running.values()} == {0}, printed
    done = {n: re.findall(r"trial (\d+) 0\.", printed[n][1]) for n in ("tuner0", "tuner1")}
    assert done["tuner0"] and done["tuner1"], printed
    assert sorted(done["tuner0"] + done["tuner1"]) == [str(i) for i in range(TRIALS)]
    assert f"{TRIALS}/{TRIALS}" in printed["chief"][1] and "best: trial" in printed["chief"][0]
    board = json.loads((folder / "leaderboard.json").read_text())
    assert len(board["trials"]) == TRIALS and board["best"]["test"]["accuracy"] > 0.05
    assert not any((folder / "workers").iterdir())


@pytest.fixture
def oracle(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    oracle = oracles.make("random", Metric("y", "min", ""), hp, trials=2)
    oracle._set_project_dir(tmp_path, "oracle")
    return oracle


def role(name):
    (port,) = launching.free_ports(1)
    return workers.Role(name, name, f"127.0.0.1:{port}")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(workers, "LOST", 0.5)
    monkeypatch.setattr(workers, "WAIT", 2.0)


@pytest.fixture
def chief(monkeypatch, impatient):
    found = role("chief")
    address, port = found.address.split(":")
    for name, value in zip(workers.VARIABLES, ("chief", address, port), strict=True):
        monkeypatch.setenv(name, value)
    return workers.Role.of_environment()


def test_trial_of_a_dead_worker_is_given_to_another(oracle, chief, tmp_path):
    trial = oracle.create_trial("tuner0")
    with pytest.raises(InvalidInput, match="a worker that asks"):
        chief.serve(oracle, tmp_path)  # tuner0 sends nothing, and there is no other worker
    assert not oracle.ongoing_trials and not oracle.tuner_ids
    assert oracle.create_trial("tuner1").trial_id == trial.trial_id


def test_chief_ends_after_it_told_every_worker(oracle, chief, tmp_path):
    oracle.stopped = True
    begin = time.monotonic()
    chief.serve(oracle, tmp_path)
    assert time.monotonic() - begin < 5
    assert not (tmp_path / "workers" / "chief").exists()


def test_address_in_use_gives_one_line(oracle, chief, tmp_path, monkeypatch):
    def taken(oracle):
        raise RuntimeError("Failed to bind to address")

    monkeypatch.setattr(workers.oracle_chief, "start_server", taken)
    with pytest.raises(InvalidInput, match="a free one"):
        chief.serve(oracle, tmp_path)


@pytest.fixture
def client(oracle, chief, monkeypatch):
    """Return a client of a chief that does not answer."""
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner0")
    return oracle_client.OracleClient(oracle)


def test_worker_ends_if_no_chief_starts(impatient, tmp_path):
    with pytest.raises(InvalidInput, match="within 2 s"), role("tuner0").connected(tmp_path):
        pass
    assert not any((tmp_path / "workers").iterdir())


def test_worker_ends_if_no_chief_answers(client, tmp_path):
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "chief").touch()
    with pytest.raises(InvalidInput, match="DEADLINE_EXCEEDED"), role("tuner0").connected(tmp_path):
        client.create_trial("tuner0")


def test_worker_ends_if_its_chief_stops_answering(client, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "WAIT", 60.0)
    worker = role("tuner0")
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "chief").touch()
    begin = time.monotonic()

    def work():
        with worker.connected(tmp_path) as finished:
            assert not finished
            with worker.busy():
                time.sleep(2.5)  # a running trial is not stopped
            client.create_trial("tuner0")

    with pytest.raises(InvalidInput, match=r"one that answers at .* none for 0 s"):
        work()
    assert 2.5 < time.monotonic() - begin < 10


def test_late_worker_finds_the_search_finished(tmp_path):
    (tmp_path / "best").mkdir()
    with role("tuner0").connected(tmp_path) as finished:
        assert finished


def test_heartbeats_are_timed_by_the_local_clock(tmp_path):
    now = [100.0]
    listener = workers.Heartbeats(tmp_path, clock=lambda: now[0])
    assert listener.silent("tuner0") == 0
    now[0] += 7
    assert listener.silent("tuner0") == 7
    file = pathlib.Path(tmp_path / "tuner0")
    file.touch()
    assert listener.silent("tuner0") == 0
    now[0] += 3
    os.utime(file, ns=(0, 0))  # another machine's clock
    assert listener.silent("tuner0") == 0
