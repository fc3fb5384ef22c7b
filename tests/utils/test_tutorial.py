"""Sections of tutorials are saved by a script and displayed by an editor."""

import sys
import types

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.utils import tutorial


def one(fast=False):
    return tutorial.panels()[0]


def several(fast=False):
    print("fast" if fast else "in full")
    return {"first": tutorial.panels()[0], "second": tutorial.panels()[0]}


def nothing(fast=False):
    return None


@pytest.fixture
def editor(monkeypatch):
    """Return the list of the figures that an editor displays."""
    displayed = []
    display = types.SimpleNamespace(display=displayed.append)
    shell = types.SimpleNamespace(get_ipython=object, display=display)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return displayed


def test_script_saves_figures_by_name_and_closes_them(tmp_path, capsys):
    tutorial.run(one, several, nothing, fast=True, out=tmp_path / "out")
    names = sorted(file.stem for file in (tmp_path / "out").iterdir())
    assert names == ["first", "one", "second"]
    assert not plt.get_fignums()
    assert capsys.readouterr().out.startswith("fast\n")


def test_editor_displays_figures_of_the_full_form(editor, capsys):
    assert tutorial.in_editor()
    tutorial.show(several)
    assert len(editor) == 2
    assert not plt.get_fignums()
    assert capsys.readouterr().out == "in full\n"


def test_script_displays_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert not tutorial.in_editor()
    tutorial.show(lambda fast: pytest.fail("it ran"))


def test_dataset_is_converted_to_arrays():
    x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    made = tutorial.arrays(tf.data.Dataset.from_tensor_slices((x, y)).batch(2))
    np.testing.assert_array_equal(made[0], x)
    np.testing.assert_array_equal(made[1], y)


def test_classes_have_fixed_colors_and_axes_have_labels():
    figure, axes = tutorial.panels(1, 4, title="all")
    tutorial.lines(axes[0], {"a": [1, 2], "_b": ([0, 3], [1, 1])}, xlabel="step", ylabel="loss")
    tutorial.bars(axes[1], {8: 0.5, 16: 0.75}, xlabel="width", ylabel="fraction")
    tutorial.matrix(axes[2], np.eye(2), title="identity")
    tutorial.plane(axes[3], lambda x: x[:, 0] > 0.5, [[0, 0], [1, 1]], [0, 1])
    assert [axis.get_xlabel() for axis in axes] == ["step", "width", "", "x1"]
    assert [text.get_text() for text in axes[1].texts] == ["0.50", "0.75"]
    dots = axes[3].collections[0].get_facecolors()[:, :3]
    np.testing.assert_allclose(dots, tutorial.CLASSES[:2])
    low, high = tutorial.BETWEEN([0.0, 1.0])[:, :3]
    np.testing.assert_allclose([low, high], tutorial.CLASSES[:2])
    plt.close(figure)
