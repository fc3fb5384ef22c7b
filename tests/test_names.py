"""Public names are in the right packages, and are imported when they are used."""

import importlib
import pathlib
import subprocess
import sys

import pytest

import kerasdl
from kerasdl import registry

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = sorted(file.parent for file in ROOT.glob("kerasdl/**/__init__.py"))
PACKAGES = [".".join(folder.relative_to(ROOT).parts) for folder in FOLDERS]


@pytest.mark.parametrize("package", PACKAGES)
def test_tab_completion_shows_the_public_names_and_no_others(package):
    module = importlib.import_module(package)
    assert sorted(dir(module)) == sorted(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="no_such"):
        module.no_such  # noqa: B018


def test_registered_classes_have_short_names():
    for entry in registry.entries().values():
        cls = entry.load()
        package = kerasdl.learners if entry.topic == "learners" else kerasdl.models
        assert getattr(package, entry.class_name) is cls  # so no two classes have the same name


def test_importing_the_packages_does_not_import_tensorflow():
    script = """if True:
        import sys, kerasdl, kerasdl.learners, kerasdl.models
        dir(kerasdl.learners), dir(kerasdl.models), kerasdl.list_models()
        print([name for name in ("tensorflow", "keras") if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
