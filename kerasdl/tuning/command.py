"""What `kerasdl tune` does."""

import json
import sys

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.recipes.recipe import Recipe
from kerasdl.tuning import limits
from kerasdl.utils import quiet, tables


def run(recipe: Recipe, as_json: bool, **settings):
    """Search, and print the leaderboard."""
    errors.one_of("tuner", settings["tuner"], limits.TUNERS)
    for name in ("time", "trial_time"):
        limits.seconds(settings[name], name.replace("_", "-"))
    quiet.import_tensorflow()
    from kerasdl.tuning import search

    found = search.tune(recipe, **settings)
    if found:
        _show(found, as_json)


def _show(found, as_json):
    board, path = found.leaderboard, found.path
    if as_json:
        json.dump(board, sys.stdout, indent=2)
        print()
    else:
        title = f"{board['recipe']} by {board['objective']}, {board['tuner']}: {path}"
        from kerasdl.tuning import leaderboard

        tables.show(leaderboard.table(board), title)
        if best := board["best"]:
            test = ", ".join(f"{k} {v:.4g}" for k, v in best["test"].items())
            print(f"best: trial {best['trial']}, on the test data {test}: {path / 'best'}")
            print(f"pictures: {path / 'figures'}")
    if not board["best"]:
        reasons = [row["reason"] for row in board["trials"]]
        expected = "at least one trial that succeeds"
        raise InvalidInput("search", expected, reasons[0] if reasons else "no trial within time")
