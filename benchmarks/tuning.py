"""Tune a deliberately bad recipe in twenty trials of at most twenty seconds.

    python benchmarks/tuning.py [--trials 20] [--tuners bayesian random]

A small convolutional network on digits starts with a learning rate of 1e-5, no augmentation, and
far too much weight decay and dropout. The searches use the validation data only; the test accuracy
is that of the trial with the best validation accuracy. The result goes to results/tuning.json.
"""

import argparse
import json
import pathlib
import tempfile
import time

from kerasdl import recipes, tuning

RESULT = pathlib.Path(__file__).parent / "results" / "tuning.json"
GOAL = 0.98
POOR = {"learning_rate": 1e-5, "weight_decay": 0.3, "batch_size": 128, "augment": False}


def start() -> recipes.Recipe:
    recipe = recipes.get("simple_cnn").replace(**POOR, epochs=30)
    return recipe.replace(model_options={"dropout": 0.6})


def measure(tuner: str, trials: int, folder: pathlib.Path) -> dict:
    begin = time.perf_counter()
    limits = {"trials": trials, "trial_time": "20s", "validation": 0.2}
    search = tuning.tune(start(), tuner=tuner, out=folder / tuner, **limits)
    seconds = time.perf_counter() - begin
    board = search.leaderboard
    rows = sorted(board["trials"], key=lambda row: row["trial"])
    reached = [row["trial"] for row in rows if (row["score"] or 0) >= GOAL]
    first = json.loads((folder / tuner / rows[0]["run"] / "metrics.json").read_text())["test"]
    best = board["trials"][0]
    return {
        "start": {"validation": rows[0]["score"], "test": first["accuracy"]},
        "best": {
            "trial": best["trial"],
            "values": best["values"],
            "epochs": best["epochs"],
            "validation": best["score"],
            "test": board["best"]["test"]["accuracy"],
        },
        "trials": len(rows),
        "failed": sum(row["status"] == "failed" for row in rows),
        "ended_by_time": sum(row["stopped"] == "time" for row in rows),
        "trials_until_0.98": reached[0] + 1 if reached else None,
        "mean_validation_of_last_half": sum(r["score"] or 0 for r in rows[len(rows) // 2 :])
        / len(rows[len(rows) // 2 :]),
        "scores": [row["score"] for row in rows],
        "seconds": round(seconds),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--tuners", nargs="*", default=["bayesian", "random"])
    parser.add_argument("--out", type=pathlib.Path, help="folder in which to keep the searches")
    arguments = parser.parse_args()
    folder = arguments.out or pathlib.Path(tempfile.mkdtemp())
    results = {"poor_start": {**POOR, "dropout": 0.6}, "trial_time": "20s", "tuners": {}}
    if RESULT.exists():
        results["tuners"] = json.loads(RESULT.read_text())["tuners"]
    for tuner in arguments.tuners:
        results["tuners"][tuner] = measure(tuner, arguments.trials, folder)
        RESULT.write_text(json.dumps(results, indent=2) + "\n")
        print(tuner, results["tuners"][tuner], flush=True)
    if found := results["tuners"].get("bayesian"):
        assert min(found["best"]["validation"], found["best"]["test"]) >= GOAL, found["best"]


if __name__ == "__main__":
    main()
