"""A SavedModel runs without Keras and has the outputs of the model."""

import subprocess
import sys

import numpy as np
import pytest

from kerasdl import export
from kerasdl.errors import InvalidInput
from tests.export import networks

LOAD = """
import sys
sys.modules["keras"] = None
import numpy as np, tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
np.save(sys.argv[3], served(input=tf.constant(np.load(sys.argv[2])))["output"].numpy())
"""


@pytest.mark.rows("CMP-11")
def test_it_runs_without_keras_for_any_batch_size(tmp_path):
    model, x = networks.cnn(), networks.images(5)
    folder = export.to_saved_model(model, tmp_path / "served")
    np.save(tmp_path / "x.npy", x)
    names = (folder, tmp_path / "x.npy", tmp_path / "y.npy")
    subprocess.run([sys.executable, "-c", LOAD, *map(str, names)], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model(x), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["served"]


def test_invalid_paths_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="does not exist yet"):
        export.to_saved_model(networks.cnn(), tmp_path)
    with pytest.raises(InvalidInput, match="a folder that exists"):
        export.to_saved_model(networks.cnn(), tmp_path / "no" / "model")
