"""Every tutorial runs in its fast form, saves figures with named axes, and has the same form."""

import importlib.util
import inspect
import pathlib
import re
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from kerasdl.utils import tutorial
from tests import tutorials

# it needs two devices, which can only be made before TensorFlow starts
ALONE = "01_many_devices"
TUTORIALS = tutorials.scripts()
# `make test` runs these; they show the form of all
QUICK = ("01_perceptron_and_xor", "01_convolutions_by_hand", "01_to_the_phone")
ALL = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)


def in_time(path):
    """Return the parameter of a tutorial."""
    marks = () if path.stem in QUICK else pytest.mark.slow
    return pytest.param(path, marks=marks, id=path.stem)


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


def unnamed(figure):
    """Return the axes that have ticks but no label."""
    figure.draw_without_rendering()
    names = {"x": figure.get_supxlabel(), "y": figure.get_supylabel()}
    for axes in figure.axes:
        for which, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            shown = [t.get_text() for t in axis.get_ticklabels() if t.get_visible()]
            numbers = any(re.search(r"^[-\N{MINUS SIGN}$\\\d.]*\d", text) for text in shown)
            inner = not axis.get_tick_params().get("labelbottom" if which == "x" else "labelleft")
            named = axis.get_label_text() or names[which] or axes.get_label() == "<colorbar>"
            if axes.axison and axes.get_visible() and numbers and not inner and not named:
                yield f"{which} of {axes.get_title()!r}"


@pytest.mark.parametrize("path", [*map(in_time, TUTORIALS)])
def test_tutorial_runs_fast_and_saves_figures(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module, nameless, save = load(path), [], Figure.savefig
    defaults = {name: p.default for name, p in inspect.signature(module.main).parameters.items()}
    assert defaults == {"fast": False, "out": pathlib.Path("out") / path.stem}

    def saved(figure, file, **options):
        nameless.extend(f"{pathlib.Path(file).name}: {axis}" for axis in unnamed(figure))
        save(figure, file, **options)

    monkeypatch.setattr(Figure, "savefig", saved)
    if path.stem == ALONE:
        code = "import pathlib, runpy; main = runpy.run_path({!r})['main']; "
        code += "main(fast=True, out=pathlib.Path('figures'))"
        subprocess.run([sys.executable, "-c", code.format(str(path))], check=True)
    else:
        module.main(fast=True, out=tmp_path / "figures")
    assert list((tmp_path / "figures").glob("*.png"))
    assert [file.name for file in tmp_path.iterdir()] == ["figures"], "it wrote elsewhere"
    assert not plt.get_fignums(), "it left figures open"
    assert not nameless


@ALL
def test_cells_display_the_figures_that_a_script_saves(path, tmp_path, monkeypatch):
    shown, saved = [], []
    monkeypatch.setattr(tutorial, "show", shown.append)
    monkeypatch.setattr(tutorial, "run", lambda *sections, fast, out: saved.extend(sections))
    load(path).main(fast=True, out=tmp_path)
    assert shown == saved
    assert shown


@ALL
def test_tutorial_has_the_common_form(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# # ")
    place = path.relative_to(tutorials.FOLDER).as_posix()
    for part in ("**Claim.**", "**The idea.**", f"`python tutorials/{place}`", "## Exercises"):
        assert part in text, part


def test_page_lists_all_tutorials():
    assert tutorials.PAGE.read_text(encoding="utf-8") == tutorials.page()
    assert {path.parent.name for path in TUTORIALS} == set(tutorials.PARTS)
    assert all(f"{path.parent.name}/{path.name}" in tutorials.page() for path in TUTORIALS)
    assert max(map(tutorials.seconds, TUTORIALS)) <= tutorials.LIMIT
