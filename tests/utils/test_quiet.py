"""The quiet import of TensorFlow, in a fresh process."""

import io
import subprocess
import sys

import pytest

from kerasdl.utils import quiet

CODE = """
import sys
from kerasdl.utils import quiet
quiet.import_tensorflow()
print(*({*quiet.OPTIONAL} & {*sys.modules}))
import keras, numpy as np
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
import pandas, sklearn.linear_model
from matplotlib import pyplot
"""


@pytest.mark.slow
def test_tensorflow_is_imported_without_messages_and_optional_packages():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n" and done.stderr == ""


def test_packages_that_are_imported_already_stay():
    with quiet._as_if_missing(["json", "kerasdl", "antigravity"]):
        assert sys.modules["json"] and sys.modules["kerasdl"]
        assert sys.modules["antigravity"] is None
    assert sys.modules["json"] and "antigravity" not in sys.modules


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_shows_what_takes_long_and_loses_the_line_then(monkeypatch, terminal):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with quiet._telling("Loading ..."):
        assert stream.getvalue() == ("Loading ...\r" if terminal else "")
    assert stream.getvalue() == ("Loading ...\r" + 11 * " " + "\r" if terminal else "")
