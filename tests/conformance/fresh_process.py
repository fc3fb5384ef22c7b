"""A process that loads the saved models of the tests without having built them."""

import atexit
import functools
import pathlib
import subprocess
import sys

import numpy as np


def contents(folder):
    """Load the model in `folder`; return its outputs for the saved inputs, and its weights."""
    process = start()
    print(folder, file=process.stdin, flush=True)
    answer = process.stdout.readline().strip()
    assert answer == "done", answer or "the fresh process died"
    return list(np.load(folder / "contents.npz").values())


@functools.cache
def start():
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.fresh_process"],
        cwd=pathlib.Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(stop, process)
    return process


def stop(process):
    process.kill()
    process.communicate()  # avoids a ResourceWarning at exit


def serve():
    import keras

    import kerasdl  # noqa: F401, so that Keras finds its classes

    for line in sys.stdin:
        folder = pathlib.Path(line.strip())
        try:
            model = keras.models.load_model(folder / "model.keras")
            inputs = list(np.load(folder / "inputs.npz").values())
            given = keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0]))
            np.savez(
                folder / "contents.npz",
                *map(keras.ops.convert_to_numpy, given),
                *model.get_weights(),
            )
            print("done", flush=True)
        except Exception as error:
            print(f"{type(error).__name__}: {error}".splitlines()[0], flush=True)


if __name__ == "__main__":
    serve()
