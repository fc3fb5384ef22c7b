"""Predictions for folders, patterns and files that cannot be read; answers as a table and drawn."""

import csv
import pathlib
import shutil

import numpy as np
import PIL.Image
import pytest

from kerasdl import recipes, tasks
from kerasdl.errors import InvalidInput
from kerasdl.runs import predict
from tests.test_cli import run as command

pytestmark = pytest.mark.xdist_group("recipes")


@pytest.fixture
def classifier(fast_run):
    return fast_run("mlp")


@pytest.fixture
def photos(classifier, tmp_path):
    """A folder with two images, one of them in a folder, a broken one, and other files."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    images = sorted((classifier.path / "examples").glob("*.png"))
    (folder / "a.PNG").write_bytes(images[0].read_bytes())
    (folder / "broken.png").write_text("no picture")
    (folder / "more" / "a.png").write_bytes(images[1].read_bytes())
    (folder / "notes.txt").write_text("no input")
    (folder / ".hidden.png").write_text("no input")
    return folder


def test_answers_keep_their_order_and_few_inputs_are_predicted_again(monkeypatch):
    monkeypatch.setattr(predict, "CHUNK", 8)
    asked = []

    def answer(inputs):
        asked.append(len(inputs))
        for each in inputs:
            if each == "bad":
                raise InvalidInput("input", "a good one", each)
            if each == "closed":
                raise PermissionError(13, "no\npermission")
        return [{"input": each, "prediction": each.upper()} for each in inputs]

    inputs = [f"{i}" for i in range(20)]
    inputs[9], inputs[17] = "bad", "closed"
    rows = predict.answers(answer, inputs)
    assert [row["input"] for row in rows] == inputs
    assert [i for i, row in enumerate(rows) if "error" in row] == [9, 17]
    assert rows[9]["error"] == "Invalid input. Expected a good one. Received: bad"
    assert "\n" not in rows[17]["error"] and rows[10] == {"input": "10", "prediction": "10"}
    assert sorted(asked, reverse=True)[:3] == [8, 8, 4] and len(asked) < 20
    assert predict.answers(answer, []) == []


def test_files_of_folders_and_patterns_are_found(classifier, photos):
    names = ["a.PNG", "broken.png", "more/a.png"]
    everything = [str(photos / name) for name in names]
    assert predict.found(classifier.task, photos) == everything
    assert predict.found(classifier.task, [str(photos / "*.png")]) == [everything[1]]
    assert predict.found(classifier.task, [photos / "mo*", "x.png"]) == [everything[2], "x.png"]
    texts = [name for name in tasks.names() if not tasks.get(name).takes_files]
    expected = ["generation", "language", "sequence_tagging", "text_classification", "translation"]
    assert texts == expected


def test_one_unreadable_file_does_not_lose_the_others(classifier, photos):
    with pytest.raises(InvalidInput, match=r"image file `.*broken.png`"):
        classifier.predict(photos)
    first, broken, last = classifier.predict(photos, keep_going=True)
    assert first["prediction"] in "0123456789" and last["input"] == str(photos / "more" / "a.png")
    assert set(broken) == {"input", "error"} and "broken.png" in broken["error"]
    assert classifier.predict(str(photos / "a.PNG")) == [first]
    empty = photos / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInput, match="empty, which is a folder with no file of that kind"):
        classifier.predict(empty)


def test_command_writes_answers_and_names_what_it_could_not_read(
    classifier, photos, tmp_path, capsys
):
    out = tmp_path / "new" / "answers.csv"
    status, printed, err = command(capsys, "predict", classifier.path, photos, "--out", out)
    assert status == 0 and printed == f"{out}\n"
    assert err.count("\n") == 1 and "No answer for 1 of 3 inputs" in err and "broken.png" in err
    with out.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames == ["file", "answer", "probability", "error"]
    assert [pathlib.Path(row["file"]).name for row in rows] == ["a.PNG", "broken.png", "a.png"]
    assert rows[0]["answer"] in "0123456789" and 0 < float(rows[0]["probability"]) <= 1
    assert rows[0]["error"] == rows[1]["answer"] == "" and "broken.png" in rows[1]["error"]

    status, printed, err = command(capsys, "predict", classifier.path, photos / "*.png")
    assert status == 2 and printed == "" and err.count("\n") == 1 and "Invalid image file" in err
    asked = [photos / "broken.png", photos / "none.png", "--out", tmp_path / "no.csv"]
    status, printed, err = command(capsys, "predict", classifier.path, *asked)
    assert status == 2 and printed == "" and "No answer for 2 of 2 inputs: " in err
    assert not (tmp_path / "no.csv").exists()
    status, _, err = command(capsys, "predict", classifier.path, photos, "--out", "answers.txt")
    assert status == 2 and "the name of a .csv file. Received: answers.txt" in err


def test_answers_for_rows_and_texts_have_their_columns(classifier, tmp_path):
    class Texts:
        takes_files = False

    rows = [{"input": "rows.csv", "line": 2, "value": 0.5}, {"input": "b.csv", "error": "none"}]
    predict.write_answers(tmp_path / "rows.csv", rows, classifier.task)
    written = (tmp_path / "rows.csv").read_text().splitlines()
    assert written == ["file,line,answer,error", "rows.csv,2,0.5,", "b.csv,,,none"]
    rows = [{"input": "a, b", "text": "\udcff"}]
    predict.write_answers(tmp_path / "texts.csv", rows, Texts)
    written = (tmp_path / "texts.csv").read_text(encoding="utf-8").splitlines()
    assert written == ["input,answer,error", '"a, b",\\udcff,']


@pytest.mark.parametrize(
    ("name", "drawn"),
    [("localizer", "boxes"), ("retinanet_tiny", "detections"), ("vae", "reconstruction")],
)
def test_boxes_and_reconstructions_are_drawn(name, drawn, fast_run, tmp_path, monkeypatch, capsys):
    shutil.copytree(fast_run(name).path, tmp_path / "run")
    run = recipes.open(tmp_path / "run")
    image = sorted((run.path / "examples").iterdir())[0]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / image.name).write_bytes(image.read_bytes())
    asked = [image, tmp_path / "other" / image.name]
    rows = run.predict(asked)
    names = [f"{drawn}-{image.stem}.png", f"{drawn}-{image.stem}-2.png"]
    assert [row["drawn"] for row in rows] == [str(run.path / name) for name in names]
    with PIL.Image.open(rows[0]["drawn"]) as picture:
        assert np.asarray(picture.convert("L")).std() > 10
    assert "drawn" not in run.predict(asked, pictures=False)[0]

    monkeypatch.setattr(predict, "MOST_PICTURES", 1)
    rows = run.predict(asked, folder=tmp_path / "new" / "place")
    assert [row["drawn"] for row in rows] == [str(tmp_path / "new" / "place" / names[0]), None]
    assert "Pictures of the first 1 of 2 inputs." in capsys.readouterr().err


class Writing:
    """A run that continues prompts in pieces."""

    streams = True

    def stream(self, prompt):
        if not prompt:
            raise InvalidInput("input", "a prompt", "''")
        yield from (prompt, " on\n", "and \x1bon")


def test_texts_are_printed_as_they_are_written(capsys, monkeypatch):
    monkeypatch.setattr("kerasdl.cli.runs.open_run", lambda *_: Writing())
    status, printed, err = command(capsys, "predict", "some_run", "It goes", "")
    assert printed == "It goes on\nand \N{REPLACEMENT CHARACTER}on\n"
    assert "No answer for 1 of 2 inputs" in err and not status
    status, printed, _ = command(capsys, "predict", "some_run", "")
    assert status == 2 and not printed


def test_only_language_models_stream(classifier):
    with pytest.raises(InvalidInput, match="run of a language model"):
        classifier.stream("text")
