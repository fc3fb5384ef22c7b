"""`launch` starts workers with TF_CONFIG, prefixes their output, and stops them together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from kerasdl.distribute import launching
from kerasdl.errors import InvalidInput


def python(code):
    return [sys.executable, "-c", code]


def test_each_worker_gets_its_index_and_all_addresses(capfd):
    code = "import os; print(os.environ['TF_CONFIG'])"
    assert launching.launch(python(code), workers=3) == 0
    lines = sorted(capfd.readouterr().out.splitlines())
    assert [line[:4] for line in lines] == ["[0] ", "[1] ", "[2] "]
    configs = [json.loads(line[4:]) for line in lines]
    assert [config["task"]["index"] for config in configs] == [0, 1, 2]
    assert len(set(configs[0]["cluster"]["worker"])) == 3
    assert configs[0]["cluster"] == configs[2]["cluster"]


FAIL = """
import json, os, sys, time
print(os.getpid(), flush=True)
if json.loads(os.environ["TF_CONFIG"])["task"]["index"]:
    time.sleep(600)
time.sleep(1)
{}
"""


@pytest.mark.parametrize(
    ("end", "status"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 128 + signal.SIGKILL)]
)
def test_a_failing_worker_ends_all_workers(end, status, capfd):
    start = time.monotonic()
    assert launching.launch(python(FAIL.format(end)), workers=2) == status
    assert time.monotonic() - start < 30
    lines = capfd.readouterr().out.splitlines()
    for line in lines:
        if line[4:].isdigit():
            with pytest.raises(ProcessLookupError):
                os.kill(int(line[4:]), 0)


def test_ctrl_c_reaches_every_worker():
    code = """
import sys
from kerasdl.distribute import launching
wait = '''
import time
try:
    print("ready", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("saved", flush=True)
'''
launching.launch([sys.executable, "-c", wait], workers=2)
"""
    process = subprocess.Popen(python(code), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [process.stdout.readline() for _ in range(2)]
    assert all(b"ready" in line for line in lines)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert rest.count(b"saved") == 2


def test_zero_workers_are_refused():
    with pytest.raises(InvalidInput, match="workers"):
        launching.launch(["true"], workers=0)


def test_worker_has_environment_empty_input_and_merged_output(monkeypatch, capfd):
    monkeypatch.setenv("SOME_VARIABLE", "kept")
    code = """
import json, os, sys
config = json.loads(os.environ["TF_CONFIG"])
print(config["task"]["type"], os.environ["SOME_VARIABLE"], os.environ["PYTHONUNBUFFERED"])
print(repr(sys.stdin.read()), file=sys.stderr)
print(all(address.startswith("127.0.0.1:") for address in config["cluster"]["worker"]))
sys.stdout.buffer.write(b"\\xff\\n")
"""
    assert launching.launch(python(code), workers=1) == 0
    out, err = capfd.readouterr()
    expected = ["[0] worker kept 1", "[0] ''", "[0] True", "[0] \N{REPLACEMENT CHARACTER}"]
    assert sorted(out.splitlines()) == sorted(expected) and not err


def test_ports_are_free_and_different():
    ports = launching.free_ports(20)
    assert len(set(ports)) == 20
    with socket.socket() as one:
        one.bind(("127.0.0.1", ports[0]))


def test_worker_that_ignores_interrupts_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr(launching, "GRACE_SECONDS", 0.3)
    monkeypatch.setenv("PID_FILE", str(tmp_path / "pid"))
    code = """
import json, os, pathlib, signal, sys, time
file = pathlib.Path(os.environ["PID_FILE"])
signal.signal(signal.SIGINT, signal.SIG_IGN)
if json.loads(os.environ["TF_CONFIG"])["task"]["index"]:
    file.with_suffix(".new").write_text(str(os.getpid()))
    file.with_suffix(".new").rename(file)
    time.sleep(600)
while not file.exists():
    time.sleep(0.01)
sys.exit(5)
"""
    assert launching.launch(python(code), workers=2) == 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_second_interrupt_kills_workers_at_once(monkeypatch):
    started = time.monotonic()

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(launching.time, "sleep", interrupted)
    wait = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.pause()"
    with pytest.raises(KeyboardInterrupt):
        launching.launch(python(wait), workers=1)
    assert time.monotonic() - started < launching.GRACE_SECONDS


def test_a_process_that_outlives_its_worker_is_not_waited_for():
    code = """
import subprocess, sys
from kerasdl.distribute import launching
start = '''
import subprocess
print(subprocess.Popen(["sleep", "100"], start_new_session=True).pid, flush=True)
'''
sys.exit(launching.launch([sys.executable, "-c", start], workers=1))
"""
    done = subprocess.run(python(code), capture_output=True, text=True, timeout=60, check=True)
    os.kill(int(done.stdout.removeprefix("[0] ")), signal.SIGKILL)
