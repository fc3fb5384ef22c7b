"""Trials and their processes: results, failures, and how they end."""

import json
import os
import signal
import subprocess
import sys
import time

import keras
import pytest

from kerasdl import recipes
from kerasdl.callbacks import nonfinite
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.runs.train import train
from kerasdl.tuning import trial
from kerasdl.utils import durations

pytestmark = pytest.mark.xdist_group("running")  # one uninterrupted trial serves all tests

# start of a process that does something other than training
CHILD = "import json, os, pathlib, sys, time; folder = pathlib.Path(sys.argv[1]); "


def specification(recipe=None, **changes):
    recipe = recipe or recipes.get("mlp").replace(epochs=3, patience=3)
    known = {"values": {}, "recipe": recipe.to_json(), "metric": "accuracy"}
    return {**known, "seconds": None, "fast": False, **changes}


def trained(folder, **changes):
    """Run a trial in this process."""
    folder.mkdir(exist_ok=True)
    (folder / "trial.json").write_text(json.dumps(specification(**changes)))
    return trial.run(folder)


def started(folder, code, **options):
    command = (sys.executable, "-c", CHILD + code)
    return trial.start(folder, specification(), command=command, **options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the folder and the result of an uninterrupted trial."""
    folder = tmp_path_factory.mktemp("trial")
    return folder, trained(folder)


def test_same_trial_gives_the_same_result(undisturbed, tmp_path):
    _, first = undisturbed
    second = trained(tmp_path)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert first["status"] == "completed" and first["score"] == first["validation"]["accuracy"]
    assert first["epochs"] == 3 and first["stopped"] == "end" and first["score"] > 0.3


def test_patience_and_time_limit_stop_a_trial(tmp_path):
    recipe = recipes.get("mlp").replace(epochs=60, learning_rate=1.0, patience=2)
    restless = trained(tmp_path / "patience", recipe=recipe)
    assert restless["stopped"] == "patience" and restless["epochs"] < 60
    short = trained(tmp_path / "time", seconds=0.01)
    assert short["stopped"] == "time" and short["epochs"] == 1
    assert 0 <= short["score"] <= 1


def test_infinite_or_nan_loss_fails_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "optimizer_for", lambda *_: lambda: keras.optimizers.SGD(1e30))
    with pytest.raises(nonfinite.NonFiniteLoss, match=r"Invalid loss in step \d+ of epoch"):
        trained(tmp_path / "nan")


def test_invalid_shape_is_a_failed_trial(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "_end_with_parent", lambda: None)
    recipe = recipes.get("vgg_tiny").replace(image_size=4)
    (tmp_path / "trial.json").write_text(json.dumps(specification(recipe)))
    trial.main(tmp_path)
    result = trial.result_of(tmp_path)
    assert result["status"] == "failed" and "InvalidInput" in result["reason"]
    assert "\n" not in result["reason"]


def test_finished_trial_is_not_run_again(tmp_path):
    write = '(folder / "result.json").write_text(json.dumps({"status": "completed", "score": 1}))'
    assert started(tmp_path, write)["score"] == 1
    assert started(tmp_path, "sys.exit(3)")["score"] == 1
    assert json.loads((tmp_path / "trial.json").read_text())["metric"] == "accuracy"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('one'); sys.exit('no such layer')", "ended with status 1: no such layer"),
        ("os.kill(os.getpid(), 9)", "ended by SIGKILL, perhaps because memory ran out"),
        ("os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        ("time.sleep(60)", "killed after 1 s"),
    ],
)
def test_process_that_fails_is_a_failed_trial_with_a_reason(code, reason, tmp_path):
    result = started(tmp_path, code, seconds=1)
    assert result == {"status": "failed", "reason": reason}
    assert trial.result_of(tmp_path) == result


def test_trial_does_not_inherit_variables_of_workers(tmp_path, monkeypatch):
    for name in ("TF_CONFIG", "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP"):
        monkeypatch.setenv(name, "x")
    code = "sys.exit(' '.join(k for k in os.environ if 'CONFIG' == k[3:] or 'TUNER' in k) or 7)"
    assert started(tmp_path, code)["reason"] == "ended with status 7"


def test_trial_ends_with_the_process_that_started_it(tmp_path):
    child = "from kerasdl.tuning import trial; import threading; "
    child += "threading.Thread(target=trial._end_with_parent).start(); "
    child += "(folder / 'pid').write_text(str(os.getpid())); time.sleep(600)"
    code = f"""
import pathlib, sys
from kerasdl.tuning import trial
command = (sys.executable, "-c", {CHILD + child!r})
trial.start(pathlib.Path({str(tmp_path)!r}), {{}}, command=command)
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    pid = tmp_path / "pid"
    _until(lambda: pid.exists() and pid.read_text())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _until(lambda: not _alive(int(pid.read_text())))
    assert trial.result_of(tmp_path) is None


def _alive(process):
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_interrupted_trial_continues_from_its_checkpoint(undisturbed, tmp_path):
    recipe = recipes.get("mlp").replace(epochs=3, patience=3)
    options = {"progress": False, "save_seconds": 0, "callbacks": [Stop()]}
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run", **options)
    folder, result = undisturbed
    again = trained(tmp_path)
    assert {**again, "seconds": 0} == {**result, "seconds": 0}
    history = [recipes.open(each / "run").history for each in (folder, tmp_path)]
    assert history[0] == history[1]


@pytest.mark.parametrize("text", ["", "20", "s", "ten m", "-5s", "0s", "1d"])
def test_malformed_time_is_refused(text):
    with pytest.raises(InvalidInput, match="a number and a unit"):
        durations.seconds_of(text)


def test_times_are_converted_to_seconds():
    assert [durations.seconds_of(t) for t in ("20s", "10m", "1.5h", None)] == [20, 600, 5400, None]
