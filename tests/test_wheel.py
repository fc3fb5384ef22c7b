"""The wheel works in an environment of its own, outside of the repository, on the user's data."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
SOURCES = ("kerasdl", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a function that runs a script with the Python of an environment with the wheel.

    The environment finds the packages that kerasdl needs where the test's interpreter has them.
    """
    folder = tmp_path_factory.mktemp("wheel")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KERASDL"))}

    def run(*command):
        done = subprocess.run(
            command, cwd=folder, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    source = folder / "source"  # building writes beside the sources
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    offline = ("--no-deps", "--no-build-isolation")
    run(sys.executable, *PIP, "wheel", *offline, "--wheel-dir", "wheels", str(source))
    shutil.rmtree(source)
    (wheel,) = (folder / "wheels").glob("*.whl")
    run(sys.executable, "-m", "venv", "clean")
    python = str(folder / "clean" / "bin" / "python")
    run(python, *PIP, "install", "--no-deps", str(wheel))
    (packages,) = (folder / "clean").glob("lib/python*/site-packages")
    # files of this kind that are in that folder are not read, so no kerasdl is found through them
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    where = run(python, "-c", "import kerasdl; print(kerasdl.__file__)")
    assert pathlib.Path(where).is_relative_to(packages), where
    return lambda *arguments: run(python, *map(str, arguments))


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
@pytest.mark.parametrize("part", ["photos", "masks", "boxes", "table", "text", "arrays", "pairs"])
def test_the_installed_wheel_works_on(part, run, tmp_path):
    script = tmp_path / "own_data.py"
    script.write_bytes((ROOT / "tests" / "own_data.py").read_bytes())
    print(run(script, tmp_path / "data", part))


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_the_wheel_holds_types_and_no_tests(run):
    listed = run("-c", "import importlib.metadata as m; print(*m.files('kerasdl'), sep='\\n')")
    names = listed.split()
    assert "kerasdl/py.typed" in names and "kerasdl/cli/listing.json" in names
    assert all(name.startswith(("kerasdl", "../../../bin/kerasdl")) for name in names), names
