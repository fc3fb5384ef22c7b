"""The table of runs, differences of two runs, and the page of their curves."""

import json
import re
import shutil
import sys

import pytest

from kerasdl import cli, errors, recipes
from kerasdl.recipes import overview


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "first"
    recipes.get("mlp").run(path, fast=True, progress=False, pictures=False)
    return path


@pytest.fixture
def folder(trained, tmp_path):
    """Four runs: one that holds, a deeper one that does not, an unfinished and a damaged one."""
    copy(trained, tmp_path / "a", {"test": {"accuracy": 0.95, "loss": 0.1}, "seconds": 5.0})
    changes = {"recipe": {"learning_rate": 0.5, "data": "iris"}}
    copy(trained, tmp_path / "deep" / "b", {"test": {"accuracy": 0.5, "loss": 0.3}}, changes)
    copy(trained, tmp_path / "c", {})
    (tmp_path / "c" / "metrics.json").unlink()
    copy(trained, tmp_path / "d", {"test": 3})
    return tmp_path


def copy(run, path, metrics, config=None):
    shutil.copytree(run, path, ignore=shutil.ignore_patterns("*.keras", "checkpoints", "events"))
    edit(path / "metrics.json", metrics)
    edit(path / "config.json", config or {})


def edit(file, changes):
    content = json.loads(file.read_text())
    for name, value in changes.items():
        content[name] = {**content[name], **value} if isinstance(value, dict) else value
    file.write_text(json.dumps(content))


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["kerasdl", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    return capsys.readouterr().out


def test_each_run_is_a_row_with_its_state(folder):
    rows = {row["run"]: row for row in overview.table(folder)}
    assert list(rows) == ["a", "c", "d", "deep/b"]
    assert rows["a"] == {
        "run": "a",
        "recipe": "mlp",
        "data": "digits",
        "metric": "accuracy",
        "test": 0.95,
        "bar": ">= 0.93",
        "holds": "yes",
        "seconds": 5.0,
    }
    assert rows["deep/b"]["holds"] == "no" and rows["deep/b"]["data"] == "iris"
    assert rows["c"]["holds"] == "unfinished" and rows["c"]["test"] is None
    assert rows["d"]["holds"] == "damaged"


@pytest.mark.parametrize(
    ("sort", "descending", "first"),
    [("accuracy", True, ["a", "deep/b"]), ("loss", True, ["deep/b", "a"]), ("data", False, ["a"])],
)
def test_rows_are_sorted_by_a_column_or_a_metric(folder, sort, descending, first):
    names = [row["run"] for row in overview.table(folder, sort, descending)]
    assert names[: len(first)] == first and len(names) == 4
    if sort != "data":
        assert sorted(names[2:]) == ["c", "d"]


def test_unknown_columns_and_folders_without_runs_are_refused(folder, tmp_path):
    with pytest.raises(errors.InvalidInput, match=r"column to sort by.*accuracy.*acuracy"):
        overview.table(folder, "acuracy")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(errors.InvalidInput, match=f"contains runs. Received: {empty}"):
        overview.table(empty)


def test_only_what_differs_is_shown(folder):
    rows = {row.pop("what"): tuple(row.values()) for row in diff(folder)}
    assert rows.pop("learning_rate")[1] == 0.5
    assert rows.pop("data") == ("digits", "iris")
    assert rows == {
        "test.accuracy": (0.95, 0.5),
        "test.loss": (0.1, 0.3),
        "seconds": (5.0, rows["seconds"][1]),
    }
    assert overview.differences(folder / "a", folder / "a") == []


def diff(folder):
    return overview.differences(folder / "a", folder / "deep" / "b")


def test_a_folder_that_is_no_run_is_refused(folder):
    with pytest.raises(errors.InvalidInput, match=r"run folder.*kerasdl train"):
        overview.differences(folder, folder / "a")


def test_the_commands_print_tables(folder, monkeypatch, capsys):
    assert "unfinished" in run(monkeypatch, capsys, "runs", folder)
    rows = json.loads(run(monkeypatch, capsys, "runs", folder, "--json"))
    assert [row["run"] for row in rows] == ["a", "c", "d", "deep/b"]
    out = run(monkeypatch, capsys, "compare", folder / "a", folder / "deep" / "b")
    assert re.search(r"learning_rate +\S+ +0\.5", out)
    out = run(monkeypatch, capsys, "compare", folder / "a", folder / "a")
    assert out == "The two runs do not differ.\n"


def test_the_page_shows_names_literally_and_a_line_for_each_history(folder, monkeypatch, capsys):
    copy(folder / "a", folder / "<b>bold", {})
    for name in ("c", "d", "deep/b"):
        (folder / name / "history.csv").unlink()
    for number, name in enumerate(("a", "<b>bold"), start=1):
        text = "epoch,loss,learning_rate\n" + f"1,{number},0.1\n2,{number / 2},0.1\n"
        (folder / name / "history.csv").write_text(text)
    page = folder / "page.html"
    assert run(monkeypatch, capsys, "runs", folder, "--html", page) == f"{page}\n"
    text = page.read_text()
    assert "<b>" not in text and "&lt;b&gt;bold" in text
    charts = re.findall(r"<figure>.*?</figure>", text)
    lines = [re.findall(r'points="([^"]*)"', chart) for chart in charts]
    losses = next(line for line, chart in zip(lines, charts, strict=True) if ">loss<" in chart)
    # 2 is the largest and 0.5 the smallest loss of both
    assert sorted(losses) == ["60.0,0.0 480.0,160.0", "60.0,160.0 480.0,240.0"]
    assert "learning rate" not in text
