"""One trial, in its own process: `python -m kerasdl.tuning.trial FOLDER`.

The folder contains trial.json: the recipe, the metric and the limits. The process adds the run
folder `run` and result.json. So a trial can be repeated from its file, memory does not accumulate
over trials, and a crash ends only one trial.
"""

import dataclasses
import json
import math
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any, cast

from kerasdl.data import in_memory
from kerasdl.errors import InvalidInput
from kerasdl.recipes.recipe import Recipe
from kerasdl.utils import schema
from kerasdl.utils.files import write_json

COMMAND = (sys.executable, "-m", "kerasdl.tuning.trial")
RESULT = {  # the contents of result.json; see `kerasdl.utils.schema`
    "status": lambda value: value in ("completed", "failed"),
    "score?": schema.is_finite,
    "validation?": {"*": schema.is_float},
    **dict.fromkeys(("epochs?", "parameters?"), schema.is_count),
    "seconds?": schema.is_float,
    **dict.fromkeys(("stopped?", "reason?"), schema.is_text),
}
DATA = "data.pickle"  # data in memory, which the search writes for its trials
OTHERS = ("TF_CONFIG", "KERASTUNER_")  # variables that would make a trial a worker


def start(
    folder: pathlib.Path,
    specification: dict,
    *,
    seconds: float | None = None,
    command: Sequence[str] = COMMAND,
) -> dict:
    """Run a trial in a process, or continue what was interrupted in its folder; return the result.

    Args:
        folder: The trial's folder.
        specification: dict, the contents of trial.json.
        seconds: float, the time after which the process is killed, in case it hangs.
        command: The command to run, to which the folder is added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if result := result_of(folder):
        return result
    write_json(folder / "trial.json", specification)
    status = _wait([*command, str(folder)], folder / "log.txt", seconds)
    result = result_of(folder)
    if result is None:
        result = failure(f"{_ending(status, seconds)}{_last_line(folder / 'log.txt')}")
        write_json(folder / "result.json", result)
    shutil.rmtree(folder / "run" / "checkpoints", ignore_errors=True)
    return result


def result_of(folder: pathlib.Path) -> dict | None:
    """The result of a trial that ended, else `None`."""
    file = folder / "result.json"
    return schema.read(file, RESULT, "tune") if file.exists() else None


def failure(reason: str) -> dict:
    """The result of a trial that failed."""
    return {"status": "failed", "reason": " ".join(str(reason).split())}


def run(folder: pathlib.Path) -> dict:
    """Train the recipe in the folder's trial.json and evaluate it on the validation data."""
    from kerasdl.runs import prepare
    from kerasdl.runs.run import Run
    from kerasdl.runs.train import train

    trial = json.loads((folder / "trial.json").read_text(encoding="utf-8"))
    recipe, metric = Recipe.from_json(trial["recipe"]), trial["metric"]
    if recipe.data.startswith(in_memory.PREFIX):
        data = pickle.loads((folder.parent.parent / DATA).read_bytes())
        recipe = dataclasses.replace(recipe, data=data)
    begin = time.perf_counter()
    limit = _time_limit(trial["seconds"]) if trial["seconds"] else None
    options: dict[str, Any] = {
        "progress": False,
        "strategy": "one",
        "callbacks": [limit] if limit else [],
        "pictures": False,
    }
    # only workers other than the chief get no run
    done = cast(Run, train(recipe, folder / "run", fast=trial["fast"], **options))
    splits = prepare.load_data(recipe, trial["fast"])
    metrics = done.task.evaluate(done.model, splits.validation)
    if not math.isfinite(metrics[metric]):
        subject = f"{metric} of the validation data"
        raise InvalidInput(subject, "a finite number", metrics[metric])
    epochs = len(next(iter(done.history.values())))
    by_patience = recipe.patience and epochs < recipe.epochs and not trial["fast"]
    stopped = "time" if limit and limit.reached else "patience" if by_patience else "end"
    return {
        "status": "completed",
        "score": metrics[metric],
        "validation": metrics,
        "epochs": epochs,
        "stopped": stopped,
        "parameters": done.metrics["parameters"],
        "seconds": round(time.perf_counter() - begin, 2),
    }


def _time_limit(seconds):
    import keras

    class TimeLimit(keras.callbacks.Callback):
        """End training after some seconds, within an epoch if need be."""

        reached = False

        def on_train_begin(self, logs=None):
            self.end = time.monotonic() + seconds

        def on_train_batch_end(self, batch, logs=None):
            if time.monotonic() > self.end:
                self.reached = self.model.stop_training = True

    return TimeLimit()


def main(folder: pathlib.Path):
    """Run the trial of a folder and write its result, also when it fails."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        result = run(folder)
    except Exception as error:
        traceback.print_exc()
        result = failure(f"{type(error).__name__}: {error}")
    write_json(folder / "result.json", result)


def _end_with_parent():
    """Exit when standard input closes, which means that the process of the search has ended."""
    sys.stdin.buffer.read()
    os._exit(1)


def _wait(command, log, seconds):
    """Run a command; return its exit status, minus a signal's number, or `None` on a timeout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    environment = {**kept, "TF_CPP_MIN_LOG_LEVEL": "2"}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # closes when this process ends: see `_end_with_parent`
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
        memory = ", perhaps because memory ran out" if status == -signal.SIGKILL else ""
        return f"ended by {name}{memory}"
    return f"ended with status {status}"


def _last_line(log):
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
