"""`kerasdl doctor RUN`: finished and unfinished runs of every kind of task."""

import json
import pathlib
import resource
import shutil
import signal
import subprocess
import sys

import keras
import pytest

from kerasdl import recipes
from kerasdl.cli import app
from kerasdl.diagnosis import flowchart
from kerasdl.errors import InvalidInput
from kerasdl.runs import doctor, prepare
from kerasdl.runs.keras_file import KerasFile
from kerasdl.runs.train import train

pytestmark = pytest.mark.xdist_group("doctoring")  # one healthy run serves several tests


KILLED = pathlib.Path(__file__).with_name("killed.py")


def trained(name, folder, **changes):
    recipe = recipes.get(name).replace(**changes)
    return train(recipe, folder, progress=False, pictures=False)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return trained("mlp", tmp_path_factory.mktemp("runs") / "healthy", epochs=15)


def test_healthy_run_has_no_findings(healthy):
    rows = healthy.doctor()
    assert len(rows) == len(flowchart.QUESTIONS)
    assert {row["found"] for row in rows} == {"all well"}
    assert {row["sure"] for row in rows} == {""}


def test_too_low_learning_rate_is_found(tmp_path):
    *before, last = trained("mlp", tmp_path / "slow", epochs=4, learning_rate=1e-5).doctor()
    assert last["found"] == "learning rate too low" and last["sure"] == "likely", last
    assert {row["found"] for row in before} == {"all well"}


def test_run_stopped_by_its_loss_is_explained(tmp_path, monkeypatch):
    folder = tmp_path / "stopped"
    monkeypatch.setattr(prepare, "optimizer_for", lambda *_: lambda: keras.optimizers.SGD(1e30))
    with pytest.raises(InvalidInput) as stopped:
        trained("mlp", folder, epochs=2)
    (row,) = recipes.open(folder, finished=False).doctor()
    assert row["found"] == "the loss is NaN or infinite" and row["sure"] == "certain"
    assert row["evidence"] in str(stopped.value) and "learning rate" in row["try"]


def test_unfinished_run_is_examined_and_other_folders_are_refused(healthy, tmp_path):
    folder = tmp_path / "stopped"
    shutil.copytree(healthy.path, folder)
    for name in ("metrics.json", "model.keras"):
        (folder / name).unlink()
    with pytest.raises(InvalidInput, match="interrupted"):
        recipes.open(folder)
    rows = recipes.open(folder, finished=False).doctor()
    assert rows[0]["question"] == next(iter(flowchart.QUESTIONS))
    with pytest.raises(InvalidInput, match="a folder that"):
        recipes.open(tmp_path, finished=False)


@pytest.mark.parametrize(
    "saved", ["model", "checkpoint", "damaged", pytest.param("nothing", marks=pytest.mark.slow)]
)
def test_model_much_larger_than_the_saved_one_is_not_built(saved, healthy, tmp_path, monkeypatch):
    folder = tmp_path / "strange"
    shutil.copytree(healthy.path, folder)
    if saved != "model":
        for name in ("metrics.json", "model.keras"):
            (folder / name).unlink()
    if saved == "nothing":
        shutil.rmtree(folder / "checkpoints")
    if saved == "damaged":
        monkeypatch.setattr(doctor, "NONE_SAVED", (50, 2**29))  # a thousand weights take long
        for file in (folder / "checkpoints").iterdir():
            file.write_bytes(b"no archive")
    config = json.loads((folder / "config.json").read_text())
    for options in ({"widths": [10**9]}, {"widths": [1] * 10**5}):
        config["recipe"]["model_options"] = options
        (folder / "config.json").write_text(json.dumps(config))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(InvalidInput, match=r"model of the run .*by those that are stored"):
            recipes.open(folder, finished=False).doctor()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kB


@pytest.mark.slow
def test_killed_runs_are_examined(tmp_path):
    """They were killed in the first epoch, with a checkpoint and without one."""
    folder = tmp_path / "killed"
    command = [sys.executable, KILLED, "first", folder]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (folder / "model.keras").exists() and not (folder / "history.csv").exists()
    for _ in range(2):
        rows = recipes.open(folder, finished=False).doctor()
        assert rows[0]["question"] == next(iter(flowchart.QUESTIONS)) and len(rows) > 1
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


@pytest.mark.parametrize("name", ["vae"])
def test_models_with_a_custom_training_step_are_examined_too(name, tmp_path):
    rows = trained(name, tmp_path / name, epochs=2).doctor()
    assert len(rows) == len(flowchart.QUESTIONS), rows[-1]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A model file that is compiled with a softmax and with a loss that takes logits."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)  # as in a trained model
    path = tmp_path_factory.mktemp("files") / "net.keras"
    model.save(path)
    return path


def test_keras_file_is_examined_with_its_data(file):
    *_, last = KerasFile(file, "iris").doctor()
    assert last["found"] == "softmax twice" and last["sure"] == "certain"


def test_keras_file_without_loss_or_data_is_refused(file, tmp_path):
    with pytest.raises(InvalidInput, match=r"option `--data`. Expected the data that"):
        KerasFile(file).doctor()
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(tmp_path / "net.keras")
    with pytest.raises(InvalidInput, match=r"model.*model.compile\(optimizer, loss\)"):
        KerasFile(tmp_path / "net.keras", "iris").doctor()


def test_command_takes_a_keras_file(file, capsys):
    app(["doctor", str(file), "--data", "iris", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)[-1]["found"] == "softmax twice"
    with pytest.raises(InvalidInput, match=r"option `--data`. Expected none for a run"):
        app(["doctor", "runs/no", "--data", "iris"], standalone_mode=False)
