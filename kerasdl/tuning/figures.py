"""Pictures of a search."""

import itertools

import numpy as np

from kerasdl.explain import style
from kerasdl.recipes import training
from kerasdl.recipes.run import Run
from kerasdl.tuning import importance, parameters

CURVES = 12  # of the best trials
WHITE = {"boxstyle": "square,pad=0.1", "color": "white", "alpha": 0.7}
LABEL = {"textcoords": "offset points", "fontsize": 8, "bbox": WHITE, "zorder": 5}


def draw(plan, board: dict):
    """Write the figures of a leaderboard into the search's folder."""
    rows = [row for row in board["trials"] if row["status"] == "completed"]
    if not rows:
        return
    names = [p.name for p in plan.parameters]
    x = [parameters.positions(plan.hyperparameters, row["values"]) for row in rows]
    scores = [row["score"] for row in rows]
    found = {
        "best_so_far": best_so_far(rows, plan.objective),
        "parallel_coordinates": parallel_coordinates(rows, x, plan),
        "learning_curves": learning_curves(rows, plan),
    }
    if known := importance.measure(names, x, scores):
        found["importance"] = bars(known)
    training.draw(plan.folder, found)


def best_so_far(rows, objective):
    """Each trial's score, and the best up to it."""
    rows = sorted(rows, key=lambda row: row["trial"])
    numbers, scores = [r["trial"] for r in rows], [r["score"] for r in rows]
    best = list(itertools.accumulate(scores, lambda a, b: objective.best([a, b])))
    with style.figure(6.5, 3.6) as picture:
        axis = picture.subplots()
        axis.plot(numbers, scores, "o", color=style.BLUE, label="a trial")
        axis.step(numbers, best, where="post", color=style.ORANGE, label="best so far")
        axis.set(xlabel="trial", title=f"validation {objective.metric.replace('_', ' ')}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return picture


def parallel_coordinates(rows, positions, plan):
    """A line for each trial through its values, coloured by its score."""
    import matplotlib

    ranks = np.argsort(np.argsort([row["score"] for row in rows]))
    if plan.objective.direction == "min":
        ranks = len(rows) - 1 - ranks
    shades = matplotlib.colormaps["viridis"](ranks / max(len(rows) - 1, 1))
    with style.figure(1.5 * len(plan.parameters) + 2, 4.2) as picture:
        axis = picture.subplots()
        for row in range(len(rows) - 1, -1, -1):
            best = row == 0
            axis.plot(
                positions[row],
                color=style.ORANGE if best else shades[row],
                linewidth=2.5 if best else 1,
                alpha=1 if best else 0.7,
                label="best" if best else None,
            )
        for place, p in enumerate(plan.hyperparameters.space):
            for label, height in _ticks(p):
                axis.annotate(label, (place, height), (3, 0), **LABEL)
        groups = [f"{p.name.replace('_', ' ')}\n({p.group})" for p in plan.parameters]
        axis.set_xticks(range(len(groups)), groups, fontsize=8)
        axis.set(yticks=[], xlim=(-0.2, len(groups) - 0.5), ylim=(-0.04, 1.04))
        axis.set_title(
            f"{len(rows)} trials by {plan.objective.metric}: dark the worst, light the best"
        )
        axis.grid(axis="x", color="#888888")
        axis.legend(loc="upper right", fontsize=8)
    return picture


def _ticks(parameter):
    """Some of a hyper-parameter's values and where they are."""
    if hasattr(parameter, "min_value"):
        return [(f"{parameter.prob_to_value(at):.2g}", at) for at in (0, 0.5, 1)]
    return [(str(value), parameter.value_to_prob(value)) for value in parameter.values]


def bars(found: importance.Importance):
    """What each hyper-parameter is worth, most first."""
    order = np.argsort(found.mean)
    with style.figure(6.5, 0.35 * len(order) + 1.2) as picture:
        axis = picture.subplots()
        names = [found.names[i].replace("_", " ") for i in order]
        axis.barh(names, found.mean[order], xerr=found.deviation[order], color=style.BLUE)
        axis.set(xlabel="R² that a forest loses when these values are shuffled")
        explained = f"it explains {max(found.explained, 0):.0%} of trials it did not see"
        axis.set_title(f"importance by a random forest; {explained}")
    return picture


def learning_curves(rows, plan):
    """What the best trials had reached on the validation data, epoch by epoch."""
    metric = plan.objective.metric
    with style.figure(6.5, 4) as picture:
        axis = picture.subplots()
        for place, row in enumerate(rows[:CURVES]):
            history = Run(plan.folder / row["run"]).history
            # the objective itself, where training reports it: losses of other recipes differ
            names = [f"val_{metric}", "val_loss", *history]
            name = next(name for name in names if name in history)
            axis.plot(
                range(1, len(history[name]) + 1),
                history[name],
                color=style.ORANGE if place == 0 else style.BLUE,
                alpha=1 if place == 0 else 0.35,
                marker="o" if len(history[name]) == 1 else None,
                zorder=3 if place == 0 else 2,
                label={0: "best", 1: "others"}.get(place),
            )
        shown = name.replace("val_", "validation ").replace("_", " ")
        axis.set(xlabel="epoch", title=f"{shown} of the {min(len(rows), CURVES)} best trials")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return picture
