"""Import every module of kerasdl under keras-nightly, to find changes of Keras early.

    python -m tests.nightly                        # download keras-nightly, import everything
    python -m tests.nightly tests/distribute -x    # and run these tests under it

Only Keras is replaced, in a temporary folder; other packages are those of this environment. The
exit status is 1 if a module cannot be imported, else that of the tests. Needs a network.
"""

import importlib
import os
import pathlib
import pkgutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Install keras-nightly, then import kerasdl and run the given tests in new processes."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--pre", "--no-deps"]
        subprocess.run([*pip, "--target", folder, "keras-nightly"], check=True)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([folder, str(ROOT)])}
        code = "from tests import nightly; raise SystemExit(nightly.import_all())"
        options = {"env": environment, "cwd": ROOT, "check": False}
        status = subprocess.run([sys.executable, "-c", code], **options).returncode
        if arguments:
            tests = [sys.executable, "-m", "pytest", *arguments]
            status = subprocess.run(tests, **options).returncode or status
    return status


def import_all() -> int:
    """Import every module, patch Keras for several replicas, and print what fails."""
    import keras

    import kerasdl
    from kerasdl.distribute import keras_patches

    failed = 0
    names = [m.name for m in pkgutil.walk_packages(kerasdl.__path__, "kerasdl.", onerror=print)]
    names = [name for name in names if not name.endswith("__main__")]
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed += 1
            print(f"{name}: {type(error).__name__}: {error}")
    try:
        keras_patches.apply()
    except Exception as error:
        failed += 1
        print(f"keras_patches.apply: {type(error).__name__}: {error}")
    print(f"Keras {keras.__version__}: {len(names)} modules, {failed} failures")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
