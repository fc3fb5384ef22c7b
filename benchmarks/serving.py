"""Measure predictions of image files: `Run.predict` against decoding and the network alone.

    python benchmarks/serving.py [CASE ...] [--rounds 30]

A case is a network, trained on one batch, which does not change the time, and image files. Times
are process CPU times. In every round each contender is measured for a short time, in a rotating
order, so that other load on the machine affects all alike:

- decode: all files to an array of pixels, by one compiled function
- network: that array to outputs, by one compiled function
- predict: `Run.predict` of all files
- predict_each: `Run.predict` of one file after the other
- decode_one, network_one, predict_one: the same for the first file

`ratio` is the median over rounds of a contender relative to `decode` plus `network` in the same
round, and `more_ms` that of the milliseconds that `predict_one` takes more than `decode_one` and
`network_one`. `kerasdl predict RUN FILE` is measured as a process of its own, beside a process that
only imports TensorFlow. The results go to results/serving.json.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import PIL.Image
import tensorflow as tf

from kerasdl import recipes
from kerasdl.data import images

RESULT = pathlib.Path(__file__).parent / "results" / "serving.json"
SECONDS = 0.1  # of each contender in a round
COMMANDS = 3  # rounds of processes


def digits(folder):
    """64 gray PNG files of 8 x 8 pixels, and a small network."""
    return trained("simple_cnn", folder, 64, ".png", (8, 8), 8)


def thumbnails(folder):
    """128 JPEG files of 100 x 80 pixels, and a residual network of 32 x 32."""
    return trained("se_resnet_tiny", folder, 128, ".jpg", (80, 100, 3), 32)


def photographs(folder):
    """40 JPEG files of 1000 x 800 pixels, and a small network of 96 x 96."""
    return trained("simple_cnn", folder, 40, ".jpg", (800, 1000, 3), 96)


CASES = {case.__name__: case for case in (digits, thumbnails, photographs)}


def trained(recipe, folder, count, suffix, shape, size):
    """Write random, smooth images of two classes; train a recipe on them for one step."""
    random, files = np.random.default_rng(0), []
    for i in range(count):
        file = folder / "images" / "ab"[i % 2] / f"{i}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 256, (8, 8, *shape[2:]), dtype="uint8")
        PIL.Image.fromarray(small).resize(shape[1::-1]).save(file)
        files.append(str(file))
    recipe = recipes.get(recipe).replace(data=str(folder / "images"), image_size=size)
    run = recipe.run(folder / "run", fast=True, progress=False, pictures=False)
    return run, files


def contenders(run, files):
    """Return functions without arguments, by name."""
    *size, channels = run.info.shape
    signature = [tf.TensorSpec((None, *run.info.shape), "float32")]
    network = tf.function(lambda x: run.model(x, training=False), signature, autograph=False)
    pixels = images.pixels(files, size, channels)
    one = pixels[:1]
    return {
        "decode": lambda: images.pixels(files, size, channels),
        "network": lambda: network(tf.constant(pixels)).numpy(),
        "predict": lambda: run.predict(files),
        "predict_each": lambda: [run.predict([file]) for file in files],
        "decode_one": lambda: images.pixels(files[:1], size, channels),
        "network_one": lambda: network(tf.constant(one)).numpy(),
        "predict_one": lambda: run.predict(files[:1]),
    }


def cpu_ms(call):
    """Return the median milliseconds of CPU time of a call, made at least twice."""
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 2 or time.perf_counter() < end:
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1000 * np.median(times)


def measure(case, rounds, folder):
    run, files = CASES[case](folder)
    calls = contenders(run, files)
    times = {name: [] for name in calls}
    for call in calls.values():
        call()  # traces
    for turn in range(rounds):
        for name in rotated(list(calls), turn):
            times[name].append(cpu_ms(calls[name]))
    alone = np.add(times["decode"], times["network"])
    one = np.add(times["decode_one"], times["network_one"])
    result = {"files": len(files), "rounds": rounds}
    result |= {name: {"median_ms": float(np.median(t))} for name, t in times.items()}
    for name in ("predict", "predict_each"):
        result[name] |= spread("ratio", np.divide(times[name], alone))
    result["predict_one"] |= spread("more_ms", np.subtract(times["predict_one"], one))
    return result | measure_processes(run, files[0])


def measure_processes(run, file):
    """Return the seconds of CPU time of the command, and of importing TensorFlow alone."""
    commands = {
        "command": ["-m", "kerasdl", "predict", run.path, file],
        "import_tensorflow": ["-c", "import tensorflow"],
    }
    times = {name: [] for name in commands}
    for turn in range(COMMANDS):
        for name in rotated(list(commands), turn):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *commands[name]], check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {name: {"median_s": float(np.median(t))} for name, t in times.items()}


def rotated(names, turn):
    shift = turn % len(names)
    return names[shift:] + names[:shift]


def spread(name, values):
    """Return the median of some values, and their quartiles."""
    return {name: float(np.median(values)), "quartiles": np.percentile(values, [25, 75]).tolist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", default=list(CASES), metavar="CASE")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    arguments = parser.parse_args()
    for case in arguments.which:
        results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
        with tempfile.TemporaryDirectory() as folder:
            results[case] = measure(case, arguments.rounds, pathlib.Path(folder))
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")
        found = results[case]
        print(
            f"{case}, {found['files']} files: {found['predict']['median_ms']:.1f} ms, "
            f"{found['predict']['ratio']:.2f} times decoding and network alone; one file "
            f"{found['predict_one']['median_ms']:.1f} ms, {found['predict_one']['more_ms']:.1f} ms "
            f"more; the command {found['command']['median_s']:.1f} s, `import tensorflow` alone "
            f"{found['import_tensorflow']['median_s']:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
