"""`kerasdl list` and `kerasdl --version`: right, and shown at once."""

import json
import pathlib
import re
import resource
import subprocess
import sys
import textwrap

import pytest

import kerasdl
from kerasdl import cli
from kerasdl.cli import cards, completion, first_steps, listing


def run(capsys, *arguments):
    sys.argv = ["kerasdl", *arguments]
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0, capsys.readouterr().out


def test_the_stored_listing_is_what_the_package_holds():
    with open(listing.FILE, encoding="utf-8") as file:
        assert json.load(file) == cards.listing(), "`make listing` renews it"


def seconds(*arguments):
    """Return the processor seconds of a Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "vision", "--json"], ["list", "resnet*"], ["--version"], ["guide"]],
)
def test_list_version_and_guide_take_less_than_a_twentieth_of_a_second(arguments):
    seconds("-m", "kerasdl", *arguments)  # writes the byte code
    taken = [(seconds("-c", "pass"), seconds("-m", "kerasdl", *arguments)) for _ in range(7)]
    python, listed = map(min, zip(*taken, strict=True))
    # where an empty Python takes more than that itself, the processor is slow or shared
    assert listed < python + max(0.05, python), taken


def test_topics_choose_tables(capsys):
    status, everything = run(capsys, "list")
    assert status == 0 and everything.startswith("recipes\n")
    assert "\nmodels: vision\n" in everything and "\nlayers\n" in everything
    status, out = run(capsys, "list", "models")
    assert "models: vision\n" in out and "models: learners\n" in out and "recipes" not in out
    status, out = run(capsys, "list", "--json", "composite")
    assert [row["model"] for row in json.loads(out)] == ["ensemble", "ensemble_tiny"]
    status, out = run(capsys, "list", "--help")
    assert status == 0 and "Usage: " in out


def test_version_is_shown(capsys):
    shown = 0, f"kerasdl {kerasdl.__version__}\n"
    assert run(capsys, "--version") == run(capsys, "--version", "list") == shown


def test_names_and_patterns_choose_rows(capsys):
    status, out = run(capsys, "list", "ResNet*")
    assert status == 0 and "resnet18 " in out and "se_resnet" not in out and "\nlayers\n" not in out
    status, out = run(capsys, "list", "simple_cnn*", "--json")
    found = json.loads(out)
    assert {"recipes", "models: vision"} == set(found)
    assert {"recipe": "simple_cnn", "data": "digits"}.items() <= found["recipes"][0].items()
    status, out = run(capsys, "list", "resnet18", "--json")
    assert status == 0 and [row["model"] for row in json.loads(out)] == ["resnet18"]
    status, out = run(capsys, "info", "resnet1*")
    assert status == 0 and "resnet18" in out and "resnet152" in out and "stage1" not in out
    status, out = run(capsys, "info", "gpt_tin?")
    assert status == 0 and out.startswith("gpt_tiny (model)")


def test_several_tables_are_one_json_document(capsys):
    status, out = run(capsys, "list", "--json")
    assert status == 0 and json.loads(out) == listing.read()
    status, out = run(capsys, "list", "models", "--json")
    assert status == 0 and {"models: vision", "models: learners"} <= set(json.loads(out))


@pytest.mark.parametrize("command", ["info", "list"])
def test_name_that_exists_elsewhere_is_found_there(command, capsys):
    status, out = run(capsys, command, "dropout")
    assert status == 0 and out.splitlines() == [
        "dropout is no recipe, model, layer or dataset here. It is",
        "  kerasdl formulas regularization.dropout",
        "  keras.layers.Dropout",
    ]
    status, out = run(capsys, command, "lr_find", "--json")
    assert json.loads(out) == {"elsewhere": ["kerasdl.diagnosis.lr_find"]}
    status, out = run(capsys, command, "confusionby*")
    assert "  kerasdl.callbacks.ConfusionByEpoch\n" in out
    assert run(capsys, command, "no_such_name") == (2, "")
    assert run(capsys, command, "no_such_name*") == (2, "")


def test_guide_fits_a_terminal_and_names_commands_that_exist(capsys):
    status, out = run(capsys, "guide")
    assert status == 0 and max(map(len, out.splitlines()[:-1])) <= 80
    known = {command.name for command in completion.commands()}
    named = re.findall(r"kerasdl ([a-z]+)", out)
    assert {"train", "predict", "list"} <= set(named) <= known
    assert pathlib.Path(out.splitlines()[-1].strip()).is_file()


def test_python_of_the_guide_runs(capsys):
    lines = first_steps.text().partition("In Python\n")[2].partition("\n\n")[0]
    code = textwrap.dedent(lines).replace("epochs=5", "epochs=1, verbose=0")
    exec(code, {})
