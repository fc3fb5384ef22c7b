"""The trials of a search, best first; and the files written while it runs and when it ends."""

import shutil
import time

from kerasdl import recipes
from kerasdl.runs.folder import METRICS, read_metrics
from kerasdl.training import lock
from kerasdl.tuning import figures, trial
from kerasdl.utils import files, schema
from kerasdl.utils.files import write_json

# the contents of the JSON files of a search; see `kerasdl.utils.schema`
TRIAL = {"values": schema.is_object, "*": schema.is_any}
BEST = {"trial": schema.is_count, "*": schema.is_any}
SEARCH = {"fixed": schema.is_object, "spent": schema.is_finite, "*": schema.is_any}


def trials(plan) -> list[dict]:
    """Every trial that ended, in the order of their numbers."""
    rows = []
    for folder in sorted((plan.folder / "trials").glob("[0-9]*")):
        result = trial.result_of(folder)
        if result:
            known = schema.read(folder / "trial.json", TRIAL, "tune")
            rows.append(
                {
                    "trial": int(folder.name),
                    "values": known["values"],
                    "status": result["status"],
                    "score": result.get("score"),
                    "validation": result.get("validation"),
                    "epochs": result.get("epochs"),
                    "stopped": result.get("stopped"),
                    "parameters": result.get("parameters"),
                    "seconds": result.get("seconds"),
                    "reason": result.get("reason"),
                    "run": str(folder.relative_to(plan.folder) / "run"),
                }
            )
    return rows


def make(plan) -> dict:
    """The leaderboard: completed trials first, best first."""
    sign = -1 if plan.objective.direction == "max" else 1

    def order(row):
        return (row["score"] is None, sign * (row["score"] or 0), row["trial"])

    rows = sorted(trials(plan), key=order)
    best = plan.folder / "best"
    found = None
    if (best / METRICS).exists():
        known = schema.read(best / "trial.json", BEST, "tune")
        found = {
            "run": "best",
            "trial": known["trial"],
            "test": read_metrics(best / METRICS)["test"],
        }
    return {
        "recipe": plan.recipe.name,
        "tuner": plan.tuner,
        "objective": f"validation {plan.objective.name}",
        "direction": plan.objective.direction,
        "best": found,
        "trials": rows,
    }


def table(board: dict) -> list[dict]:
    """The rows of a leaderboard for a terminal."""
    names = list(dict.fromkeys(name for row in board["trials"] for name in row["values"]))
    metric = board["objective"].removeprefix("validation ")
    return [
        {
            "rank": rank,
            "trial": row["trial"],
            metric: row["score"],
            "epochs": row["epochs"],
            "ended by": row["stopped"] or f"failure: {row['reason']}",
            **{name: row["values"].get(name) for name in names},
        }
        for rank, row in enumerate(board["trials"], start=1)
    ]


class Progress:
    """Keep search.json and leaderboard.json up to date, and print a line for each trial.

    Attributes:
        count: int, trials that ended.
        spent: float, seconds of the search, including earlier sessions.
    """

    def __init__(self, plan, show):
        self.plan, self.show = plan, show
        self.file = plan.folder / "search.json"
        known = schema.read(self.file, SEARCH, "tune") if self.file.exists() else {}
        self.before, self.start = known.get("spent", 0.0), time.monotonic()

    @property
    def spent(self) -> float:
        return self.before + time.monotonic() - self.start

    @property
    def count(self) -> int:
        return len(trials(self.plan))

    def save(self):
        limits = {"trials": self.plan.trials, "time": self.plan.seconds}
        spent = round(self.spent, 1)
        write_json(self.file, {"fixed": self.plan.fixed(), **limits, "spent": spent})
        write_json(self.plan.folder / "leaderboard.json", make(self.plan))

    def ended(self, ended):
        """Print the result of a trial."""
        self.save()
        number = int(ended.trial_id)
        result = trial.result_of(self.plan.trial_folder(number))
        rows = make(self.plan)["trials"]
        text = result.get("reason", "")
        if result["status"] == "completed":
            metric, best, epochs = self.plan.objective.name, rows[0], result["epochs"]
            text = f"{metric} {result['score']:.4g} after {epochs} epoch{'s' * (epochs > 1)}"
            text += f", best {best['score']:.4g} (trial {best['trial']})"
        left = ""
        if self.plan.seconds:
            left = f", {max(self.plan.seconds - self.spent, 0):.0f} s left"
        values = {k: v for k, v in ended.hyperparameters.values.items() if "/" not in k}
        shown = " ".join(f"{name}={_brief(value)}" for name, value in values.items())
        self.show(f"{len(rows)}/{self.plan.trials}  trial {number}: {text}{left}  {shown}")

    def finish(self):
        """Write the best run, figures and TensorBoard events."""
        self.save()
        make_best(self.plan)
        board = make(self.plan)
        write_json(self.plan.folder / "leaderboard.json", board)
        figures.draw(self.plan, board)
        figures.write_events(self.plan, board)


def _brief(value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def make_best(plan):
    """Copy the best trial's run to `best/` and draw its figures, which trials do not draw.

    If `best/` already holds that trial, it and the files made from it stay as they are.
    """
    rows = [row for row in make(plan)["trials"] if row["status"] == "completed"]
    target = plan.folder / "best"
    if not rows:
        return
    marker = target / "trial.json"
    if marker.exists() and schema.read(marker, BEST, "tune")["trial"] == rows[0]["trial"]:
        return
    leave = shutil.ignore_patterns(lock.NAME, "checkpoints")
    shutil.rmtree(target, ignore_errors=True)
    with files.atomic(target) as partial:
        shutil.copytree(plan.folder / rows[0]["run"], partial, ignore=leave)
        facts = {key: rows[0][key] for key in ("trial", "values", "score")}
        files.write_json(partial / "trial.json", facts)
        run = recipes.open(partial, data=plan.recipe.data)
        run.draw(run.task, run.model, run.load_data())
