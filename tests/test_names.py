"""Public names stand where people look for them, and are imported when they are used."""

import importlib
import subprocess
import sys

import pytest

import kerasdl
from kerasdl import registry

PACKAGES = ["kerasdl", "kerasdl.learners", "kerasdl.models", "kerasdl.layers"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_exists_and_is_shown_by_tab_completion(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)
    with pytest.raises(AttributeError, match="no_such"):
        module.no_such  # noqa: B018


def test_every_registered_class_has_a_short_name():
    for entry in registry.entries().values():
        cls = entry.load()
        package = kerasdl.learners if entry.topic == "learners" else kerasdl.models
        assert getattr(package, entry.class_name) is cls  # so no two have one name


def test_importing_the_packages_imports_no_tensorflow():
    script = """if True:
        import sys, kerasdl, kerasdl.learners, kerasdl.models
        dir(kerasdl.learners), dir(kerasdl.models), kerasdl.list_models()
        print([name for name in ("tensorflow", "keras") if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
