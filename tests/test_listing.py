"""`kerasdl list` and `kerasdl --version`: right, and shown at once."""

import json
import resource
import subprocess
import sys

import pytest

import kerasdl
from kerasdl import cli
from kerasdl.cli import cards, listing


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


@pytest.mark.parametrize("arguments", [["list"], ["list", "vision", "--json"], ["--version"]])
def test_list_and_version_take_less_than_a_twentieth_of_a_second(arguments):
    seconds("-m", "kerasdl", *arguments)  # writes the byte code
    python = min(seconds("-c", "pass") for _ in range(5))
    assert min(seconds("-m", "kerasdl", *arguments) for _ in range(5)) < python + 0.05


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
