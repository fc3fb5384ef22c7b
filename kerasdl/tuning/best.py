"""The best trial as a run like any other: pictures, examples, ready for export and compress."""

import json
import shutil

from kerasdl.recipes import lock, training
from kerasdl.recipes.run import Run
from kerasdl.tuning import leaderboard
from kerasdl.utils.files import write_json


def make(plan):
    """Copy the best trial's run to `best/` and draw what training left out.

    A best run that stands there already, with what was made of it since, is left as it is.
    """
    rows = [row for row in leaderboard.make(plan)["trials"] if row["status"] == "completed"]
    target = plan.folder / "best"
    if not rows:
        return
    marker = target / "trial.json"
    if marker.exists() and json.loads(marker.read_text())["trial"] == rows[0]["trial"]:
        return
    partial = plan.folder / "best.partial"
    shutil.rmtree(partial, ignore_errors=True)
    leave = shutil.ignore_patterns(lock.NAME, "checkpoints")
    shutil.copytree(plan.folder / rows[0]["run"], partial, ignore=leave)
    write_json(partial / "trial.json", {key: rows[0][key] for key in ("trial", "values", "score")})
    run = Run(partial)
    splits = training.load_data(run.recipe, run.config["fast"])
    task = training.task_of(run.recipe)
    training.draw(partial, task.figures(run.model, splits, run.history))
    task.examples(run.model, splits, partial / "examples")
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
