"""Every tutorial runs in its fast form, saves figures, and is as short as it promises."""

import importlib.util
import inspect
import pathlib
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import pytest

from tests import tutorials

# it asks for two devices, which TensorFlow makes before it starts only
ALONE = "12_many_devices"
TUTORIALS = tutorials.scripts()


@pytest.fixture(autouse=True)
def no_windows():
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    matplotlib.use(before)


def load(path):
    spec = importlib.util.spec_from_file_location(f"tutorial_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_runs_fast_and_saves_figures(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tutorial = load(path)
    defaults = {name: p.default for name, p in inspect.signature(tutorial.main).parameters.items()}
    assert defaults == {"fast": False, "out": pathlib.Path("out") / path.stem}
    if path.stem == ALONE:
        code = "import pathlib, runpy; main = runpy.run_path({!r})['main']; "
        code += "main(fast=True, out=pathlib.Path('figures'))"
        subprocess.run([sys.executable, "-c", code.format(str(path))], check=True)
    else:
        tutorial.main(fast=True, out=tmp_path / "figures")
    assert list((tmp_path / "figures").glob("*.png"))
    assert [file.name for file in tmp_path.iterdir()] == ["figures"], "it wrote elsewhere"
    assert not plt.get_fignums(), "it left figures open"


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_keeps_its_form(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < 250
    assert text.startswith("# %% [markdown]\n# # ")
    for part in ("**Claim.**", "**The idea.**", f"`python tutorials/{path.name}`", "## Exercises"):
        assert part in text, part


def test_the_page_lists_them_all():
    assert tutorials.PAGE.read_text(encoding="utf-8") == tutorials.page()
    assert all(path.name in tutorials.page() for path in TUTORIALS)
    assert max(map(tutorials.seconds, TUTORIALS)) <= tutorials.LIMIT
