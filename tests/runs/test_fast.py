"""Every recipe with `fast=True`: one batch is trained, evaluated, drawn and saved."""

import numpy as np
import pytest

from kerasdl import recipes
from kerasdl.runs.train import train

# their graphs take long to trace; tests/conformance traces a network of each family
DEEP = {"se_resnet_tiny", "densenet_tiny", "resnet20", "vgg_tiny", "squeezenet_tiny", "gpt_tiny"}


def is_whole(run):
    return run.finished and np.isfinite(list(run.metrics["test"].values())).all()


SHARED = {"localizer", "mlp", "retinanet_tiny", "vae"}  # other tests of the group read their runs


def grouped(name):
    marks = pytest.mark.xdist_group("recipes") if name in SHARED else ()
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [*map(grouped, sorted(set(recipes.names()) - DEEP))])
def test_recipe_runs_fast(name, fast_run):
    assert is_whole(fast_run(name))


@pytest.mark.filterwarnings("ignore:Even though the .* option is set, this option does not apply")
@pytest.mark.parametrize("name", sorted(DEEP))
def test_deep_recipe_runs_fast(name, tmp_path, without_graphs):
    # its text is generated like that of lstm_lm, but slowly without graphs
    pictures = name != "gpt_tiny"
    options = {"fast": True, "progress": False, "pictures": pictures}
    assert is_whole(train(recipes.get(name), tmp_path / "run", **options))
