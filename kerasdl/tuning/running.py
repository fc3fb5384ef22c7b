"""A trial's process, seen from the search."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from kerasdl.tuning import trial
from kerasdl.utils.files import write_json

COMMAND = (sys.executable, "-m", "kerasdl.tuning.trial")
OTHERS = ("TF_CONFIG", "KERASTUNER_")  # a trial is no worker of anything


def result_of(folder: pathlib.Path) -> dict | None:
    """What a trial left, if it ended."""
    file = folder / "result.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def run(folder: pathlib.Path, specification: dict, *, seconds=None, command=COMMAND) -> dict:
    """Run a trial in `folder`, or go on with what was interrupted there: its result.

    Args:
        specification: What `trial.json` is to say.
        seconds: After how long it is killed: it may hang where no callback can end it.
        command: What to run, with the folder added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if result := result_of(folder):
        return result
    write_json(folder / "trial.json", specification)
    status = _run([*command, str(folder)], folder / "log.txt", seconds)
    result = result_of(folder)
    if result is None:
        result = trial.failure(f"{_ending(status, seconds)}{_last_line(folder / 'log.txt')}")
        write_json(folder / "result.json", result)
    shutil.rmtree(folder / "run" / "checkpoints", ignore_errors=True)
    return result


def _run(command, log, seconds):
    """The exit status, negative for a signal's number, `None` after too long a time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    environment = {**kept, "TF_CPP_MIN_LOG_LEVEL": "2"}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # its end tells the child that this process is no more
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches this process, which ends the child
        )
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        child.stdin.close()


def _ending(status, seconds):
    if status is None:
        return f"killed after {seconds:.0f} s"
    if status < 0:
        name = signal.Signals(-status).name
        memory = ", perhaps for want of memory" if status == -signal.SIGKILL else ""
        return f"ended by {name}{memory}"
    return f"ended with status {status}"


def _last_line(log):
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""
