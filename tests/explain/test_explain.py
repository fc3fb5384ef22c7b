"""Figures show the given arrays, need no display, and refuse invalid input."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from kerasdl import explain
from kerasdl.errors import InvalidInput


def images(count, shape=(8, 8, 1)):
    return np.random.default_rng(0).random((count, *shape), dtype="float32")


def shown(figure):
    """Return the arrays of the images in a figure."""
    return [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]


@pytest.mark.rows("DBG-06", "LOS-14", "MET-16", "E-83")
def test_curves_put_train_and_validation_on_one_axis(tmp_path):
    history = {"accuracy": [0.5, 0.7], "loss": [2.0, 1.0], "val_loss": [2.1, 1.5]}
    figure = explain.curves(history)
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["Train", "Validation"]
    np.testing.assert_array_equal(loss.lines[1].get_xydata(), [[1, 2.1], [2, 1.5]])
    assert (loss.get_title("left"), accuracy.get_title("left")) == ("loss", "accuracy")
    assert len(accuracy.lines) == 1
    several = explain.curves({name: [1.0, 2.0] for name in ("loss", "a", "b", "c")})
    assert all(axis.lines for axis in several.axes if axis.axison)  # no empty panel
    figure.savefig(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InvalidInput, match="at least one epoch"):
        explain.curves({})


@pytest.mark.rows("DBG-20")
def test_confusion_counts_rows_by_truth():
    figure = explain.confusion([0, 0, 1, 1], [0, 1, 1, 1], ("cat", "dog"))
    (axis,) = figure.axes
    np.testing.assert_allclose(shown(figure)[0], [[0.5, 0.5], [0, 1]])
    assert sorted(text.get_text() for text in axis.texts) == ["1", "1", "2"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["cat", "dog"]
    assert axis.get_title("left") == "accuracy 75.0%"
    logits = np.eye(2)[[0, 1, 1, 1]]
    np.testing.assert_allclose(shown(explain.confusion([0, 0, 1, 1], logits)), shown(figure))
    with pytest.raises(InvalidInput, match=r"one for each of 2 labels. Received: 1"):
        explain.confusion([0, 1], [0])


@pytest.mark.rows("DBG-20")
def test_predictions_show_the_most_confident_mistake_first():
    pictures = images(4)
    probabilities = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]
    figure = explain.predictions(pictures, [0, 1, 0, 1], probabilities, ("cat", "dog"))
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["predicted dog 80%\ntrue cat", "predicted cat 60%\ntrue dog"]
    np.testing.assert_array_equal(shown(figure), pictures[[2, 1], :, :, 0])
    figure = explain.predictions(pictures, [0, 0, 1, 1], probabilities)
    assert figure.axes[0].get_title() == "predicted 0 60%\ncorrect"


@pytest.mark.rows("DBG-20")
@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8), (64,), (16, 16, 3)])
def test_samples_show_every_kind_of_image(shape):
    pictures = images(7, shape)
    drawn = shown(explain.samples(pictures))
    assert len(drawn) == 7
    np.testing.assert_allclose(np.ravel(drawn[3]), np.ravel(pictures[3]), rtol=1e-6)


def test_reconstructions_are_below_their_inputs():
    inputs, outputs = images(4), 1 - images(4)
    figure = explain.reconstructions(inputs, outputs)
    drawn = shown(figure)
    np.testing.assert_array_equal(drawn[1], inputs[1, ..., 0])
    np.testing.assert_array_equal(drawn[5], outputs[1, ..., 0])
    assert {text.get_text() for axis in figure.axes for text in axis.texts} == {"input", "output"}
    with pytest.raises(InvalidInput, match="the inputs' shape"):
        explain.reconstructions(inputs, outputs[:2])


def test_single_reconstruction_is_beside_its_input():
    image = np.zeros((1, 4, 4, 1))
    figure = explain.reconstructions(image, image + 1)
    assert [axis.get_title(loc="center") for axis in figure.axes] == ["input", "output"]
    left, right = (axis.get_subplotspec() for axis in figure.axes)
    assert (left.colspan.start, right.colspan.start) == (0, 1) and left.rowspan == right.rowspan


@pytest.mark.rows("DBG-18")
@pytest.mark.parametrize("shape", [(6, 8, 8, 1), (2, 6, 8, 8, 1), (6, 8, 8, 3), (2, 6, 8, 8)])
def test_interpolation_has_a_row_for_each_pair(shape):
    pictures = np.random.default_rng(0).random(shape, dtype="float32")
    figure = explain.interpolation(pictures)
    assert len(shown(figure)) == (12 if shape[0] == 2 else 6)
    assert figure.axes[0].get_gridspec().ncols == 6


@pytest.mark.rows("DBG-18")
def test_latent_draws_two_dimensions_as_they_are_and_projects_more_by_pca():
    codes = np.random.default_rng(0).normal(size=(50, 2))
    figure = explain.latent(codes, np.arange(50) % 2, ("even", "odd"))
    first, second = figure.axes[0].collections
    np.testing.assert_allclose(first.get_offsets(), codes[::2])
    assert second.get_label() == "odd"
    wide = np.random.default_rng(0).normal(size=(50, 5)) * [1, 9, 1, 5, 1]
    points = np.abs(explain.latent(wide).axes[0].collections[0].get_offsets())
    expected = np.abs(wide - wide.mean(0))[:, [1, 3]]
    assert min(np.corrcoef(points[:, i], expected[:, i])[0, 1] for i in (0, 1)) > 0.95
    with pytest.raises(InvalidInput, match="2 or more"):
        explain.latent(codes[:, :1])


def test_figures_need_no_display_and_matplotlib_is_imported_on_use():
    program = """
import sys
from kerasdl import explain
explain.curves
assert "matplotlib" not in sys.modules and "tensorflow" not in sys.modules
explain.curves({"loss": [1.0]}).savefig("/dev/null", format="png")
assert "matplotlib.pyplot" not in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PATH": ""})


def test_a_matplotlib_figure_is_returned():
    assert isinstance(explain.samples(images(1)), Figure)
