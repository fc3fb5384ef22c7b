"""LiteRT.js, the browser's LiteRT: fetched once by npm into a cache, never part of this package."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from kerasdl.errors import InvalidInput

VERSION = "2.5.3"
PACKAGES = ("core", "wasm-utils")
# what the page loads, where npm puts it below `@litertjs`; "compat" is for older browsers
FILES = (
    "core/dist/index.js",
    "core/wasm/litert_wasm_internal.js",
    "core/wasm/litert_wasm_internal.wasm",
    "core/wasm/litert_wasm_compat_internal.js",
    "core/wasm/litert_wasm_compat_internal.wasm",
    "wasm-utils/dist/index.js",
)
WAY_OUT = "`--litertjs FOLDER`, the folder node_modules/@litertjs of another machine"


def cache() -> pathlib.Path:
    """Where the files of this version lie once they were fetched."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "kerasdl" / f"litertjs-{VERSION}"


def folder(copy: pathlib.Path | None = None) -> pathlib.Path:
    """The folder that has `FILES`: the given copy, or the cache, filled when it is empty."""
    found = copy or cache()
    if not copy and not found.is_dir():
        _fetch(found)
    missing = [name for name in FILES if not (found / name).is_file()]
    if missing:
        expected = f"{' and '.join(PACKAGES)} of @litertjs {VERSION}"
        raise InvalidInput("folder of LiteRT.js", expected, f"{found} without {missing[0]}")
    return found


def _fetch(target):
    npm = shutil.which("npm")
    if not npm:
        expected = f"one with npm, which fetches LiteRT.js, or {WAY_OUT}"
        raise InvalidInput("PATH", expected, os.environ.get("PATH"))
    print(f"Fetching LiteRT.js {VERSION} into {target}, once", file=sys.stderr)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # beside the target, so that renaming makes it appear whole or not at all
        with tempfile.TemporaryDirectory(dir=target.parent) as beside:
            _install(npm, beside)
            pathlib.Path(beside, "node_modules", "@litertjs").rename(target)
    except OSError as error:
        if not target.is_dir():  # else another process was faster
            raise InvalidInput("cache", "a writable folder with room", error) from error


def _install(npm, where):
    packages = [f"@litertjs/{name}@{VERSION}" for name in PACKAGES]
    options = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--fetch-retries=0"]
    command = [npm, "install", "--prefix", where, *options, *packages]
    result = subprocess.run(command, capture_output=True, text=True, cwd=where, check=False)
    if result.returncode:
        lines = result.stderr.splitlines() or ["nothing"]
        reason = next((line for line in lines if line.startswith("npm error code ")), lines[-1])
        expected = f"a network on which npm finds @litertjs/core {VERSION}, or {WAY_OUT}"
        raise InvalidInput("download of LiteRT.js", expected, reason)
