"""Run folders damaged in hundreds of ways: a command works or gives one line of error."""

import json
import pathlib
import random
import shutil
import sys
import zipfile

import numpy as np
import pytest

from kerasdl import cli, recipes
from kerasdl.errors import InvalidInput

ROOT = pathlib.Path(__file__).parents[2]
DAMAGES = 300
ODD = [None, True, 0, -1, 1, 3.5, 10**30, 10**400, float("inf"), float("nan"), "", "x", "\x1b[31m"]
ODD += ["[/red]", [], [1], ["a", "b"], [[1, 2], [3]], [None], {}, {"a": 1}, {"metric": "x"}]
# `doctor` and `export` take seconds, so they are used for a few folders only
COMMANDS = ["evaluate"] * 4 + ["predict"] * 4 + ["explain"] * 2 + ["doctor", "export"]
FILES = ["config.json"] * 6 + ["metrics.json"] * 3 + ["history.csv"] * 3 + ["model.keras"] * 2
FILES += ["checkpoints/latest.npz"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return a finished run on images and one on a table."""
    folder = tmp_path_factory.mktemp("runs")
    table = folder / "table.csv"
    chance = random.Random(0)
    rows = [(chance.random(), chance.choice("ab"), chance.random()) for _ in range(60)]
    table.write_text("\n".join(["size,kind,price", *(f"{a},{b},{c}" for a, b, c in rows)]))
    recipe = recipes.get("mlp")
    recipe.run(folder / "images", fast=True, progress=False)
    recipe = recipe.replace(data=str(table), data_options={"target": "price"})
    recipe.run(folder / "table", fast=True, progress=False)
    return {folder / "images": folder / "images/examples/7.png", folder / "table": table}


def places(value, path=()):
    """Yield the path of every part of a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        yield (*path, name)
        if isinstance(part, dict | list):
            yield from places(part, (*path, name))


def damage_json(file, chance):
    value = json.loads(file.read_text())
    *path, last = chance.choice([*places(value)])
    inner = value
    for name in path:
        inner = inner[name]
    kind = chance.choice(["drop", "replace", "replace", "replace", "add"])
    if kind == "drop":
        del inner[last]
    elif kind == "replace":
        inner[last] = chance.choice(ODD)
    elif isinstance(inner, dict):
        inner["another"] = chance.choice(ODD)
    else:
        inner.append(chance.choice(ODD))
    file.write_text(json.dumps(value))
    return f"{kind} {[*path, last]}"


def damage_table(file, chance):
    rows = [line.split(",") for line in file.read_text().splitlines()]
    row = chance.choice(rows)
    column = chance.randrange(len(row))
    kind = chance.choice(["drop", "replace", "add", "headers", "twice"])
    if kind == "drop":
        del row[column]
    elif kind == "replace":
        row[column] = chance.choice(["", "x", "nan", "inf", "1e999", '"', "\0", "9" * 200_000])
    elif kind == "add":
        row.append("1")
    elif kind == "headers":
        rows = rows[:1]
    else:
        rows[0][column] = rows[0][0]
    file.write_text("\n".join(map(",".join, rows)))
    return f"{kind} {column}"


def damage_archive(file, chance):
    """Drop or change an entry of a zip archive."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([*entries])
    kind = chance.choice(["drop", "empty", "key"])
    if kind == "drop":
        del entries[name]
    elif kind == "empty":
        entries[name] = b""
    elif "config.json" in entries:
        name, config = "config.json", json.loads(entries["config.json"])
        del config[chance.choice([*config])]
        entries[name] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    return f"{kind} {name}"


def damage_bytes(file, chance):
    content = file.read_bytes()
    kind = chance.choice(
        ["empty", "cut", "noise", "flip", "gone", "folder", "deep", "list", "other"]
    )
    if kind == "gone":
        file.unlink()
        return kind
    if kind == "folder":
        file.unlink()
        file.mkdir()
        return kind
    place = chance.randrange(len(content))
    other = ROOT / "saved_models" / "vae" / "model.keras"
    changed = {
        "empty": b"",
        "cut": content[:place],
        "noise": chance.randbytes(200),
        "flip": content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :],
        "deep": b"[" * 100_000,
        "list": b"[1, 2]",
        "other": other.read_bytes(),
    }
    file.write_bytes(changed[kind])
    return f"{kind} {place}"


def damage(folder, chance):
    """Damage a file of the folder; return how."""
    name = chance.choice(FILES)
    file = folder / name
    inside = {".json": damage_json, ".csv": damage_table}.get(file.suffix, damage_archive)
    change = inside if chance.random() < 0.75 else damage_bytes
    return f"{name}: {change(file, chance)}"


def refuses_or_works(arguments, capsys, what):
    sys.argv = ["kerasdl", *map(str, arguments)]
    try:
        cli.main()
    except SystemExit as stop:
        status = stop.code or 0
    except BaseException as error:
        raise AssertionError(f"{what}: {arguments}") from error
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert "Traceback" not in printed.err, (what, arguments, printed.err)
    if status:
        assert status == 2 and lines[-1].startswith("kerasdl: "), (what, arguments, lines)
        assert sum(line.startswith("kerasdl: ") for line in lines) == 1, (what, lines)
    assert "\x1b" not in printed.err + printed.out and "inf, yes" not in printed.out
    return status


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # from NumPy, for damaged numbers
def test_damaged_run_folder_works_or_gives_one_line(folders, tmp_path, capsys):
    refused = 0
    for seed in range(DAMAGES):
        chance = random.Random(seed)
        whole, given = chance.choice([*folders.items()])
        folder = tmp_path / f"run{seed}"
        shutil.copytree(whole, folder)
        unfinished = chance.random() < 0.1
        command = "doctor" if unfinished else chance.choice(COMMANDS)
        what = f"damage {seed}, {damage(folder, chance)}"
        if unfinished:
            for name in ("metrics.json", "model.keras"):
                path = folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        try:
            recipes.open(folder, finished=not unfinished)
        except (InvalidInput, OSError):
            command = chance.choice(["evaluate", "predict", "explain", "doctor", "export"])
        rest = {"predict": [given], "export": ["--quantize", "none"]}
        status = refuses_or_works([command, folder, *rest.get(command, [])], capsys, what)
        refused += status == 2
        shutil.rmtree(folder)
    assert refused > DAMAGES / 2, refused


def test_infinite_metric_reaches_no_bar(folders, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(next(iter(folders)), folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"]["accuracy"] = np.inf
    (folder / "metrics.json").write_text(json.dumps(metrics).replace("Infinity", "1e999"))
    assert [holds for _, _, holds in recipes.open(folder).bars()] == [False]
