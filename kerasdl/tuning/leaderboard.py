"""The trials of a search, best first.

Spec: HPO-15
"""

import json

from kerasdl.tuning import running


def trials(plan) -> list[dict]:
    """Every trial that ended, as its folder tells, in the order of their numbers."""
    rows = []
    for folder in sorted((plan.folder / "trials").glob("[0-9]*")):
        result = running.result_of(folder)
        if result:
            trial = json.loads((folder / "trial.json").read_text(encoding="utf-8"))
            rows.append(
                {
                    "trial": int(folder.name),
                    "values": trial["values"],
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
    """The leaderboard as JSON: completed trials first, the better before the worse."""
    sign = -1 if plan.objective.direction == "max" else 1

    def order(row):
        return (row["score"] is None, sign * (row["score"] or 0), row["trial"])

    rows = sorted(trials(plan), key=order)
    best = plan.folder / "best"
    found = None
    if (best / "metrics.json").exists():
        found = {"run": "best", "trial": json.loads((best / "trial.json").read_text())["trial"]}
        found["test"] = json.loads((best / "metrics.json").read_text())["test"]
    return {
        "recipe": plan.recipe.name,
        "tuner": plan.tuner,
        "objective": f"validation {plan.objective.metric}",
        "direction": plan.objective.direction,
        "best": found,
        "trials": rows,
    }


def table(board: dict) -> list[dict]:
    """Rows for people."""
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
