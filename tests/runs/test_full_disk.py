"""A full disk: one line, complete files, and the same command resumes the run."""

import subprocess
import sys

import pytest

from kerasdl import recipes

SCRIPT = """
import os, pathlib, resource, signal, sys
from kerasdl import cli

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too large is an OSError then
out = pathlib.Path(sys.argv[1])
for limit in (100_000, 630_000, resource.RLIM_INFINITY):  # none; a checkpoint; model.keras, too
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    sys.argv = ["kerasdl", "train", "mlp", "--epochs", "2", "--json", "--out", str(out)]
    sys.argv += ["--save-seconds", "1000"]  # only at the end, however slow the machine is
    try:
        cli.main()
    except SystemExit as stop:
        files = sorted(p.name for p in out.rglob("*") if p.is_file() and "events" not in str(p))
        print("left", stop.code, *files, flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
sys.argv = ["kerasdl", "export", str(out), "--quantize", "none"]
try:
    cli.main()
except SystemExit as stop:
    print("exported", stop.code, *[p.name for p in (out / "export").iterdir()])
"""


@pytest.mark.slow
def test_full_disk_gives_one_line_and_leaves_complete_files(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    left = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("left")]
    lines = [line for line in done.stderr.splitlines() if line.startswith("kerasdl:")]
    first, second, third = lines
    assert "Invalid place for checkpoints. Expected a writable folder with room" in first
    assert "(0 of 2 epochs are kept)" in first and "File too large" in first
    assert left[0] == ["2"] and "Traceback" not in done.stderr
    assert "written to with room" in second and "File too large" in second
    assert left[1] == ["2", ".lock", "config.json", "history.csv", "latest.npz"]
    assert left[2][0] in ("0", "None") and "model.keras" in left[2]
    assert not [name for name in left[2] if "partial" in name]
    assert recipes.open(tmp_path / "run").evaluate()
    assert "Invalid temporary folder" in third and "with room (TMPDIR chooses it)" in third
    assert "exported 2\n" in done.stdout
