"""One trial, in a process of its own: `python -m kerasdl.tuning.trial FOLDER`.

The folder holds trial.json: the recipe, the objective, the limits. What comes out is the run
folder `run` and result.json. So a trial can be had again from its file, memory cannot pile up,
and a crash is the end of one trial only.
"""

import json
import math
import os
import pathlib
import sys
import threading
import time
import traceback

from kerasdl.errors import InvalidInput
from kerasdl.recipes.recipe import Recipe
from kerasdl.utils.files import write_json


def run(folder: pathlib.Path) -> dict:
    """Train what the folder's trial.json says, judge it on the validation data: the result."""
    import keras

    from kerasdl.recipes import training
    from kerasdl.tuning import stopping

    trial = json.loads((folder / "trial.json").read_text(encoding="utf-8"))
    recipe, metric = Recipe.from_json(trial["recipe"]), trial["metric"]
    start = time.perf_counter()
    callbacks, limit, patience = [], None, None
    if trial["patience"] and recipe.task != "adversarial":  # two losses that rise and fall
        patience = keras.callbacks.EarlyStopping(
            "val_loss", patience=trial["patience"], restore_best_weights=True
        )
        callbacks.append(patience)
    if trial["seconds"]:
        limit = stopping.Limit(trial["seconds"])
        callbacks.append(limit)
    done = training.train(
        recipe,
        folder / "run",
        fast=trial["fast"],
        progress=False,
        strategy="one",
        callbacks=callbacks,
        pictures=False,
    )
    splits = training.load_data(recipe, trial["fast"])
    metrics = training.task_of(recipe).evaluate(done.model, splits.validation)
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise InvalidInput(f"{name} of the validation data", "a finite number", value)
    epochs = len(next(iter(done.history.values())))
    stopped = "time" if limit and limit.reached else "end"
    if stopped == "end" and patience and patience.stopped_epoch:
        stopped = "patience"
    return {
        "status": "completed",
        "score": metrics[metric],
        "validation": metrics,
        "epochs": epochs,
        "stopped": stopped,
        "parameters": done.metrics["parameters"],
        "seconds": round(time.perf_counter() - start, 2),
    }


def failure(reason: str) -> dict:
    """The result of a trial that gave none."""
    return {"status": "failed", "reason": " ".join(str(reason).split())}


def main(folder: pathlib.Path):
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        result = run(folder)
    except Exception as error:
        traceback.print_exc()
        result = failure(f"{type(error).__name__}: {error}")
    write_json(folder / "result.json", result)


def _end_with_parent():
    """Standard input closes when the searching process ends, in whatever way."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
