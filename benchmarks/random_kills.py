"""Kill training with SIGKILL at random moments, resume, and compare with an uninterrupted run.

    python benchmarks/random_kills.py

It runs `kerasdl train ... --deterministic --save-seconds 0` for a classifier with augmentation, a
GAN with two optimizers, a language model and a VAE, which trains with random noise. Every second
kill waits until a checkpoint is being written. The result goes to results/random_kills.json: when
the kills happened, and whether weights, history and metrics are equal bit by bit.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import numpy as np

from kerasdl import recipes, runs

RESULTS = pathlib.Path(__file__).parent / "results" / "random_kills.json"
SUBJECTS = {
    "simple_cnn": ("--epochs", "12"),
    "dcgan": ("--epochs", "5"),
    "gpt_tiny": ("--epochs", "1", "--batch-size", "64"),
    "vae": ("--epochs", "12"),
}


def start(name, out):
    command = [sys.executable, "-m", "kerasdl", "train", name, *SUBJECTS[name]]
    command += ["--deterministic", "--save-seconds", "0", "--json", "--out", str(out)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **quiet, env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ})


def finish(process):
    _, error = process.communicate()
    if process.returncode:
        raise SystemExit(error.decode())


def undisturbed(name, out):
    """Train without a kill; return the seconds from the first checkpoint to the trained model."""
    process, moments = start(name, out), []
    for file in ("checkpoints/latest.npz", "model.keras"):
        while not (out / file).exists() and process.poll() is None:
            time.sleep(0.01)
        moments.append(time.monotonic())
    finish(process)
    return moments[1] - moments[0]


def kill(name, out, seconds, writing, chance):
    """Run until a random moment; return what was killed, or `None` if the run ended before."""
    process = start(name, out)
    folder = out / "checkpoints"
    latest, partial = folder / "latest.npz", folder / "latest.partial"
    partial.unlink(missing_ok=True)
    before = latest.stat().st_mtime_ns if latest.exists() else 0
    while process.poll() is None and not (
        latest.exists() and latest.stat().st_mtime_ns != before  # training has begun
    ):
        time.sleep(0.001)
    limit = time.monotonic() + chance.uniform(0, seconds)
    while process.poll() is None and time.monotonic() < limit:
        time.sleep(0.001)
    if writing:
        while process.poll() is None and not partial.exists():
            pass
    process.kill()
    process.communicate()
    if process.returncode != -9:
        return None
    return "a checkpoint being written" if partial.exists() else "training"


def kills(name, folder, count, chance):
    seconds = undisturbed(name, folder / "whole")
    hits, out = [], folder / "killed"
    while len(hits) < count and not runs.is_finished(out):
        # kills are so close together that the run does not end before the last one
        hit = kill(name, out, 1.5 * seconds / count, len(hits) % 2 == 0, chance)
        hits += [hit] if hit else []
    if not runs.is_finished(out):
        finish(start(name, out))
    whole, killed = recipes.open(folder / "whole"), recipes.open(out)
    left, right = (run.model.get_weights() for run in (whole, killed))
    return {
        "kills": len(hits),
        "inside_checkpoint_writing": hits.count("a checkpoint being written"),
        "arguments": [*SUBJECTS[name], "--deterministic", "--save-seconds", "0"],
        "seconds_of_training": round(seconds, 1),
        "weights_equal": all(np.array_equal(a, b) for a, b in zip(left, right, strict=True)),
        "history_equal": whole.history == killed.history,
        "metrics_equal": whole.metrics["test"] == killed.metrics["test"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=6, help="number of kills per recipe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*", default=[*SUBJECTS])
    options = parser.parse_args()
    chance, results = random.Random(options.seed), {}
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            results[name] = kills(name, pathlib.Path(folder), options.kills, chance)
        print(name, results[name], flush=True)
    equal = [f"{part}_equal" for part in ("weights", "history", "metrics")]
    summary = {
        "seed": options.seed,
        "kills": sum(row["kills"] for row in results.values()),
        "inside_checkpoint_writing": sum(r["inside_checkpoint_writing"] for r in results.values()),
        "all_equal": all(row[part] for row in results.values() for part in equal),
    }
    RESULTS.write_text(json.dumps({**summary, "runs": results}, indent=1) + "\n")
    if not summary["all_equal"]:
        raise SystemExit("not equal")


if __name__ == "__main__":
    main()
