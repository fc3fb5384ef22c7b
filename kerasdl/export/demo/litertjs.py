"""Find LiteRT.js, which runs LiteRT files in browsers; npm downloads it once into a cache."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from kerasdl.errors import InvalidInput

VERSION = "2.5.3"
PACKAGES = ("core", "wasm-utils")
# the files that the page loads, below npm's folder `@litertjs`; "compat" is for older browsers
FILES = (
    "core/dist/index.js",
    "core/wasm/litert_wasm_internal.js",
    "core/wasm/litert_wasm_internal.wasm",
    "core/wasm/litert_wasm_compat_internal.js",
    "core/wasm/litert_wasm_compat_internal.wasm",
    "wasm-utils/dist/index.js",
)
ALTERNATIVE = "`--litertjs FOLDER` with the folder node_modules/@litertjs of another machine"


def cache() -> pathlib.Path:
    """Return the path of the cache for this version."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "kerasdl" / f"litertjs-{VERSION}"


def folder(copy: pathlib.Path | None = None) -> pathlib.Path:
    """Return a folder that has `FILES`.

    Args:
        copy: Path of such a folder; by default the cache, which is filled if it is empty.
    """
    found = copy or cache()
    if not copy and not found.is_dir():
        _download(found)
    missing = [name for name in FILES if not (found / name).is_file()]
    if missing:
        expected = f"{' and '.join(PACKAGES)} of @litertjs {VERSION}"
        raise InvalidInput("folder of LiteRT.js", expected, f"{found} without {missing[0]}")
    return found


def _download(target):
    npm = shutil.which("npm")
    if not npm:
        expected = f"one with npm, which downloads LiteRT.js, or {ALTERNATIVE}"
        raise InvalidInput("PATH", expected, os.environ.get("PATH"))
    print(f"Downloading LiteRT.js {VERSION} into {target}", file=sys.stderr)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # on the same disk as the target, so that the rename is atomic
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            _install(npm, temporary)
            pathlib.Path(temporary, "node_modules", "@litertjs").rename(target)
    except OSError as error:
        if not target.is_dir():  # else another process has filled it meanwhile
            raise InvalidInput("cache", "a writable folder with room", error) from error


def _install(npm, folder):
    packages = [f"@litertjs/{name}@{VERSION}" for name in PACKAGES]
    options = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--fetch-retries=0"]
    command = [npm, "install", "--prefix", folder, *options, *packages]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if result.returncode:
        lines = result.stderr.splitlines() or ["nothing"]
        reason = next((line for line in lines if line.startswith("npm error code ")), lines[-1])
        expected = f"a network on which npm finds @litertjs/core {VERSION}, or {ALTERNATIVE}"
        raise InvalidInput("download of LiteRT.js", expected, reason)
