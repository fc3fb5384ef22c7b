"""What the numbers of a training depend on besides its recipe."""

import pathlib

import keras
import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port

from kerasdl import errors
from kerasdl.runs import folder

# how a recipe's training steps are computed; raised when the same recipe gives other numbers
STEPS = 7


def here() -> dict[str, str]:
    """Return what this process would train with."""
    return {
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "training steps": f"version {STEPS}",
        "oneDNN": "on" if _pywrap_util_port.IsMklEnabled() else "off",
    }


def check_same(path: pathlib.Path):
    """Raise `InvalidInput` if an interrupted run would continue with other numbers."""
    before = folder.read_config(path / folder.CONFIG).get("numerics", {})
    now = here()
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        old, new = (
            ", ".join(f"{name} {found.get(name, 'unknown')}" for name in changed)
            for found in (before, now)
        )
        expected = f"what it began with, so that its numbers stay: {old}; or another --out"
        raise errors.InvalidInput(f"interrupted run {path} to continue", expected, new)
