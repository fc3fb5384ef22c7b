"""`kerasdl tune`: killed and resumed, the files it writes, one line for wrong input."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util import tensor_util

from kerasdl import cli, recipes, tuning

OPTIONS = ["mlp", "--tuner", "random", "--trials", "2", "--epochs", "2", "--json"]
OPTIONS += ["--only", "learning_rate", "--only", "widths"]
pytestmark = pytest.mark.xdist_group("tune")  # one search is killed and finished for all tests


def run(capsys, *arguments):
    sys.argv = ["kerasdl", *map(str, arguments)]
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr()
    return stop.value.code or 0, printed.out, printed.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tuner", "gird"), "one of bayesian, grid"),
        (("--trials", "0"), "`trials`. Expected a positive integer"),
        (("--time", "soon"), "Invalid value for `time`. Expected a number and a unit"),
        (("--trial-time", "20"), "Invalid value for `trial-time`"),
        (("--only", "learning"), "learning_rate"),
        (("--validation", "1.5"), "validation"),
        (("--epochs", "0"), "`epochs`"),
        (("--data", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_wrong_input_gives_one_line_and_writes_nothing(options, message, tmp_path, capsys):
    status, out, err = run(capsys, "tune", "mlp", *options, "--out", tmp_path / "search")
    assert status == 2 and out == "" and err.count("\n") == 1 and message in err, err
    assert not any(tmp_path.iterdir())


def test_incomplete_variables_of_a_shared_search_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    status, _, err = run(capsys, "tune", "mlp", "--out", tmp_path / "search")
    assert status == 2 and "no KERASTUNER_TUNER_ID" in err


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Return the folder of a search that was killed in its second trial."""
    folder = tmp_path_factory.mktemp("searches") / "search"
    command = [sys.executable, "-m", "kerasdl", "tune", *OPTIONS, "--out", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        limit = time.monotonic() + 200
        while not (folder / "trials" / "0001" / "log.txt").exists():
            assert time.monotonic() < limit and process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    return folder


@pytest.fixture(scope="module")
def finished(killed):
    """Finish the killed search; return its output too, and its first trial as it was before."""
    before = (killed / "trials" / "0000" / "result.json").read_bytes()
    command = [sys.executable, "-m", "kerasdl", "tune", *OPTIONS, "--out", str(killed)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return killed, before, done


@pytest.mark.slow
def test_killed_search_loses_only_the_running_trial(finished):
    folder, before, done = finished
    assert (folder / "trials" / "0000" / "result.json").read_bytes() == before
    lines = done.stderr.decode().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["2/2"], lines
    assert "trial 1: accuracy 0." in lines[0] and "learning_rate=" in lines[0]
    assert len(list((folder / "trials").iterdir())) == 2


@pytest.mark.rows("HPO-15")
@pytest.mark.slow
def test_leaderboard_is_sorted_and_the_best_trial_is_reproducible(finished):
    """The objective is measured on validation data; only the best trial is tested."""
    folder, _, done = finished
    board = json.loads(done.stdout)
    assert board == tuning.Search(folder).leaderboard
    scores = [row["score"] for row in board["trials"]]
    assert scores == sorted(scores, reverse=True) and len(scores) == 2
    assert {row["trial"] for row in board["trials"]} == {0, 1}
    assert board["objective"] == "validation accuracy"
    assert all(set(row["values"]) == {"learning_rate", "widths"} for row in board["trials"])
    best = tuning.Search(folder).best
    assert board["best"]["trial"] == board["trials"][0]["trial"]
    assert board["best"]["test"] == best.metrics["test"] == pytest.approx(best.evaluate())
    recipe = recipes.get("mlp")
    row = next(row for row in board["trials"] if row["trial"] == 0)
    assert row["values"] == {"learning_rate": recipe.learning_rate, "widths": "256-128"}


@pytest.mark.slow
def test_best_trial_is_a_normal_run(finished, capsys):
    folder, _, _ = finished
    best = folder / "best"
    assert (best / "figures" / "confusion.png").is_file() and (
        best / "examples" / "7.png"
    ).is_file()
    status, out, _ = run(capsys, "predict", best, best / "examples" / "7.png", "--json")
    assert status == 0 and json.loads(out)[0]["prediction"] in "0123456789"
    status, out, _ = run(capsys, "export", best, "--quantize", "none", "--json")
    assert status == 0 and json.loads(out)[0]["error"] < 1e-5


@pytest.mark.slow
def test_figures_and_events_show_every_trial(finished):
    folder, _, _ = finished
    drawn = {file.stem for file in (folder / "figures").glob("*.png")}
    # two trials are too few for a forest
    assert drawn == {"best_so_far", "parallel_coordinates", "learning_curves"}
    board = tuning.Search(folder).leaderboard
    for row in board["trials"]:
        events = event_accumulator.EventAccumulator(str(folder / "events" / f"{row['trial']:04d}"))
        events.Reload()
        tensors = events.Tensors("accuracy")
        assert tensors[0].step == 2
        score = tensor_util.make_ndarray(tensors[0].tensor_proto)
        assert score == pytest.approx(row["score"])
        plugin = events.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data
        start = metadata.parse_session_start_info_plugin_data(plugin.content)
        rate = start.hparams["learning_rate"].number_value
        assert rate == pytest.approx(row["values"]["learning_rate"])
        assert start.hparams["widths"].string_value == row["values"]["widths"]
    top = event_accumulator.EventAccumulator(str(folder / "events"))
    top.Reload()
    plugin = top.summary_metadata[metadata.EXPERIMENT_TAG].plugin_data
    experiment = metadata.parse_experiment_plugin_data(plugin.content)
    assert {info.name for info in experiment.hparam_infos} == {"learning_rate", "widths"}


@pytest.mark.slow
def test_finished_search_is_shown_and_another_is_refused(finished, capsys):
    folder, _, done = finished
    status, out, err = run(capsys, "tune", *OPTIONS, "--out", folder)
    assert status == 0 and json.loads(out) == json.loads(done.stdout) and err == ""
    status, out, err = run(capsys, "tune", *OPTIONS, "--seed", "1", "--out", folder)
    assert status == 2 and out == "" and "holds one with seed=0" in err
