"""The wheel, installed in a clean environment, works outside of the repository on people's data."""

import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


@pytest.mark.slow
def test_the_installed_wheel_trains_on_photos_tables_texts_and_arrays(tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KERASDL"))}

    def run(*command):
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", "wheel", str(ROOT))
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "kerasdl/py.typed" in names and not any(name.startswith("tests/") for name in names)
    run(sys.executable, "-m", "venv", "clean")
    python = str(tmp_path / "clean" / "bin" / "python")
    run(python, *PIP, "install", str(wheel))
    script = tmp_path / "own_data.py"
    script.write_bytes((ROOT / "tests" / "own_data.py").read_bytes())
    said = run(python, str(script), "data")
    assert "60 pairs" in said
