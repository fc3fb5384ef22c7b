"""Kill kerasdl with SIGKILL at random moments, continue, and compare with what was not killed.

    python benchmarks/random_kills.py [--kills 200] [SUBJECT...]

Four subjects are `kerasdl train ... --deterministic --save-seconds 0`: a classifier with
augmentation, a GAN with two optimizers, a language model, and a VAE, which trains with random
noise. Every second kill waits until a checkpoint is being written. Weights, history and metrics
must be equal bit by bit.

`tune` is `kerasdl tune` with trials that end by patience. Of each trial, the values, scores,
epochs, history and weights must be equal bit by bit, and of the search its best trial and that
trial's test metrics. Seconds are not compared.

`compress` is `kerasdl compress` of a trained run, by a method that only converts and two that
train. The bytes of each file and its report must be equal; milliseconds are not compared.

A process is killed several times before it ends; then the next one starts in a new folder. Two
subjects run at a time. After each subject, the result goes to results/random_kills.json: how often
it was killed, how often while a file was being written, and whether all is equal.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from kerasdl import recipes, runs

RESULTS = pathlib.Path(__file__).parent / "results" / "random_kills.json"
ROOT = pathlib.Path(__file__).parents[1]
TEXT = "tests/coverage/rows.txt"  # in ROOT, where the commands run
EXACT = ("--deterministic", "--save-seconds", "0")
AT_ONCE = 2
PER_RUN = 9  # kills until a run may end
LATER = 1.5  # kills are spread over this multiple of the seconds that a run takes
TRIAL = ("values", "status", "score", "validation", "epochs", "stopped", "parameters")


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is killed.

    Args:
        arguments: Of the command; `--out FOLDER` or the folder is added.
        begun: File in the folder that exists or changes when the work has begun.
        writing: Glob pattern of files that exist while something is being written.
        ended: Function from a folder to whether the work ended.
        differences: Function from two folders to the names of what differs.
    """

    arguments: tuple[str, ...]
    begun: str
    writing: str
    ended: Callable[[pathlib.Path], bool]
    differences: Callable[[pathlib.Path, pathlib.Path], list[str]]

    def start(self, out: pathlib.Path) -> subprocess.Popen:
        place = [str(out)] if self.arguments[0] == "compress" else ["--out", str(out)]
        command = [sys.executable, "-m", "kerasdl", *self.arguments, *place, "--json"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        calm = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
        return subprocess.Popen(command, **quiet, env=calm, cwd=ROOT)


def differences_of_runs(whole, killed):
    left, right = recipes.open(whole), recipes.open(killed)
    pairs = zip(left.model.get_weights(), right.model.get_weights(), strict=True)
    equal = {
        "weights": all(np.array_equal(a, b, equal_nan=True) for a, b in pairs),
        "history": left.history == right.history,
        "metrics": left.metrics["test"] == right.metrics["test"],
    }
    return [name for name, holds in equal.items() if not holds]


def differences_of_searches(whole, killed):
    boards = [json.loads((each / "leaderboard.json").read_text()) for each in (whole, killed)]
    rows = [
        {row["trial"]: {key: row[key] for key in TRIAL} for row in board["trials"]}
        for board in boards
    ]
    found = [] if rows[0] == rows[1] else ["trials"]
    found += [] if boards[0]["best"] == boards[1]["best"] else ["best"]
    for row in boards[0]["trials"]:
        pair = whole / row["run"], killed / row["run"]
        found += [f"trial {row['trial']}: {each}" for each in differences_of_runs(*pair)]
    return found


def differences_of_files(whole, killed):
    folders = [each / "compressed" for each in (whole, killed)]
    names = [sorted(path.name for path in each.iterdir()) for each in folders]
    found = [] if names[0] == names[1] else ["names of files"]
    reports = [json.loads((each / "report.json").read_text()) for each in folders]
    for report in reports:
        for row in report:
            del row["median_ms"], row["file"]
    found += [] if reports[0] == reports[1] else ["report"]
    files = [name for name in names[0] if name.endswith(".tflite") and name in names[1]]
    return found + [n for n in files if len({(f / n).read_bytes() for f in folders}) > 1]


def train(*arguments):
    return Subject(
        ("train", *arguments, *EXACT),
        begun="checkpoints/latest.npz",
        writing="checkpoints/latest.partial",
        ended=runs.is_finished,
        differences=differences_of_runs,
    )


SUBJECTS = {
    "simple_cnn": train("simple_cnn", "--epochs", "12"),
    "dcgan": train("dcgan", "--epochs", "5"),
    # a short text, so that it takes as long as the other trainings
    "gpt_tiny": train("gpt_tiny", "--data", TEXT, "--epochs", "8", "--batch-size", "32"),
    "vae": train("vae", "--epochs", "12"),
    "tune": Subject(
        ("tune", "mlp", "--trials", "4", "--epochs", "6", "--patience", "2"),
        begun="search.json",
        writing="**/partial-*",
        ended=lambda out: (out / "best" / "metrics.json").exists(),
        differences=differences_of_searches,
    ),
    "compress": Subject(
        ("compress", "--epochs", "2", *(f"--method={m}" for m in ("int8", "prune", "pqat"))),
        begun="compressed/search.json",
        writing="**/partial-*",
        ended=lambda out: (out / "figures" / "compression.png").exists(),
        differences=differences_of_files,
    ),
}
COMPRESSED = ("mlp", "--epochs", "4")  # the run that is compressed


def finish(process):
    _, error = process.communicate()
    if process.returncode:
        raise RuntimeError(error.decode())


def prepare(name, folder):
    """Make what the command needs to exist; return the folder that it works in."""
    if name == "compress":
        finish(train(*COMPRESSED).start(folder))
    return folder


def undisturbed(subject, out):
    """Run without a kill; return the seconds from the beginning of the work to its end."""
    process, begun = subject.start(out), None
    while process.poll() is None:
        if begun is None and (out / subject.begun).exists():
            begun = time.monotonic()
        time.sleep(0.01)
    seconds = time.monotonic() - (begun or time.monotonic())
    finish(process)
    return seconds


def stamp(file):
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def kill(subject, out, seconds, writing, chance):
    """Run until a random moment; return what was killed, or `None` if the run ended before."""
    for left in out.glob(subject.writing):  # by an earlier kill
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    before, process = stamp(out / subject.begun), subject.start(out)
    while process.poll() is None and stamp(out / subject.begun) == before:
        time.sleep(0.001)
    limit = time.monotonic() + chance.uniform(0, seconds)
    while process.poll() is None and time.monotonic() < limit:
        time.sleep(0.001)
    if writing:
        limit = time.monotonic() + 5
        while process.poll() is None and time.monotonic() < limit and not is_writing(subject, out):
            time.sleep(0.0003)
    process.kill()
    process.communicate()
    if process.returncode != -9:
        return None
    return "writing" if is_writing(subject, out) else "working"


def is_writing(subject, out):
    try:
        return any(out.glob(subject.writing))
    except FileNotFoundError:  # a folder was renamed meanwhile
        return True


def kills(name, folder, count, seed):
    """Kill a subject so often; return what happened, and what differs."""
    subject, chance, hits, rounds, different = SUBJECTS[name], random.Random(seed), [], 0, []
    whole = prepare(name, folder / "whole")
    first = folder / "first"
    if whole.exists():
        shutil.copytree(whole, first)
    seconds = undisturbed(subject, whole)
    while len(hits) < count:
        out = folder / f"killed-{rounds}"
        if first.exists():
            shutil.copytree(first, out)
        wanted = min(PER_RUN, count - len(hits))
        for number in range(wanted):
            # so close together that the run does not end before the last one
            hit = kill(subject, out, LATER * seconds / wanted, number % 2 == 0, chance)
            hits += [hit] if hit else []
            if subject.ended(out):
                break
        finish(subject.start(out))
        different += [f"run {rounds}: {each}" for each in subject.differences(whole, out)]
        shutil.rmtree(out)
        rounds += 1
    return {
        "kills": len(hits),
        "while_writing": hits.count("writing"),
        "runs": rounds,
        "command": " ".join(subject.arguments),
        "seconds_without_kills": round(seconds, 1),
        "different": different,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="number of kills of all subjects")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--result", type=pathlib.Path, default=RESULTS, help="file to write")
    parser.add_argument("names", nargs="*", default=[*SUBJECTS])
    options = parser.parse_args()
    begin, each = time.monotonic(), -(-options.kills // len(options.names))
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        places = {name: pathlib.Path(folder) / name for name in options.names}
        found = {
            name: pool.submit(kills, name, place, each, f"{name} {options.seed}")
            for name, place in places.items()
        }
        names, results = {future: name for name, future in found.items()}, {}
        for future in concurrent.futures.as_completed(names):
            results[names[future]] = future.result()
            print(names[future], future.result(), flush=True)
            summary = summary_of(results, options.seed, time.monotonic() - begin)
            options.result.write_text(json.dumps(summary, indent=1) + "\n")
    if not summary["all_equal"]:
        raise SystemExit("not equal")


def summary_of(results, seed, seconds):
    return {
        "seed": seed,
        "kills": sum(row["kills"] for row in results.values()),
        "while_writing": sum(row["while_writing"] for row in results.values()),
        "minutes": round(seconds / 60, 1),
        "all_equal": not any(row["different"] for row in results.values()),
        "subjects": {name: results[name] for name in SUBJECTS if name in results},
    }


if __name__ == "__main__":
    main()
