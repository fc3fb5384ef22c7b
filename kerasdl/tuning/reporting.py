"""What a search has found: lines while it goes, then leaderboard, figures, events, the best run."""

import json
import time

from kerasdl.tuning import leaderboard, running
from kerasdl.utils.files import write_json


class Board:
    """Keeps search.json and leaderboard.json up to date, trial by trial.

    Attributes:
        count: Trials that ended.
        spent: Seconds of the search, earlier sessions included.
    """

    def __init__(self, plan, show):
        self.plan, self.show = plan, show
        self.file = plan.folder / "search.json"
        known = json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
        self.before, self.start = known.get("spent", 0.0), time.monotonic()

    @property
    def spent(self) -> float:
        return self.before + time.monotonic() - self.start

    @property
    def count(self) -> int:
        return len(leaderboard.trials(self.plan))

    def save(self):
        limits = {"trials": self.plan.trials, "time": self.plan.seconds}
        spent = round(self.spent, 1)
        write_json(self.file, {"fixed": self.plan.fixed(), **limits, "spent": spent})
        write_json(self.plan.folder / "leaderboard.json", leaderboard.make(self.plan))

    def ended(self, trial):
        """A trial ended: say so."""
        self.save()
        number = int(trial.trial_id)
        result = running.result_of(self.plan.trial_folder(number))
        rows = leaderboard.make(self.plan)["trials"]
        text = result.get("reason", "")
        if result["status"] == "completed":
            metric, best, epochs = self.plan.objective.metric, rows[0], result["epochs"]
            text = f"{metric} {result['score']:.4g} after {epochs} epoch{'s' * (epochs > 1)}"
            text += f", best {best['score']:.4g} (trial {best['trial']})"
        left = ""
        if self.plan.seconds:
            left = f", {max(self.plan.seconds - self.spent, 0):.0f} s left"
        values = {k: v for k, v in trial.hyperparameters.values.items() if "/" not in k}
        shown = " ".join(f"{name}={brief(value)}" for name, value in values.items())
        self.show(f"{len(rows)}/{self.plan.trials}  trial {number}: {text}{left}  {shown}")

    def finish(self):
        """Everything that is made once, at the end."""
        from kerasdl.tuning import best, figures, hparams

        self.save()
        best.make(self.plan)
        board = leaderboard.make(self.plan)
        write_json(self.plan.folder / "leaderboard.json", board)
        figures.draw(self.plan, board)
        hparams.write(self.plan, board)


def brief(value) -> str:
    """A value in few characters."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
