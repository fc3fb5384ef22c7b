"""Compare runs: a table of the runs in a folder, differences of two, and a page of their curves."""

import html
import json
import pathlib
from typing import Any

from kerasdl import errors
from kerasdl.recipes.recipe import Recipe
from kerasdl.runs import folder as files
from kerasdl.utils import plain_text
from kerasdl.utils.files import atomic

COLUMNS = ("run", "recipe", "data", "metric", "test", "bar", "holds", "seconds")
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf")
WIDTH, HEIGHT, LEFT, BELOW = 420, 240, 60, 24  # of a chart, and of the room for its labels


def find(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the run folders in a folder, at any depth, in the order of their names.

    Raises:
        InvalidInput: if there are none.
    """
    found = sorted(path.parent for path in folder.rglob(files.CONFIG) if _is_run(path))
    if not found:
        raise errors.InvalidInput("folder of runs", "a folder that contains runs", folder)
    return found


def _is_run(config):
    try:
        return "recipe" in json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def table(
    folder: pathlib.Path, sort: str | None = None, descending: bool = False
) -> list[dict[str, Any]]:
    """Return a row for each run in a folder; unfinished and damaged runs say so in their row.

    Args:
        folder: The folder.
        sort: str, a column or the name of a test metric to sort by; runs without it come last.
        descending: bool, whether large values come first.
    """
    rows = [_row(path, folder) for path in find(folder)]
    if sort is None:
        return [row for row, _ in rows]
    errors.one_of("column to sort by", sort, sorted({n for row, test in rows for n in row | test}))
    values = [((row | test).get(sort), row) for row, test in rows]
    known = [(value, row) for value, row in values if value is not None]
    ordered = sorted(known, key=lambda pair: pair[0], reverse=descending)
    return [*(row for _, row in ordered), *(row for value, row in values if value is None)]


def _row(path, folder):
    """Return the row of a run, and its test metrics."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row["run"] = str(path.relative_to(folder)) if path != folder else path.name
    try:
        config = files.read_config(path / files.CONFIG)
        recipe = Recipe.from_json(config["recipe"])
        row |= {"recipe": recipe.name, "data": recipe.data}
        if not files.is_finished(path):
            return {**row, "holds": "unfinished"}, {}
        metrics = files.read_metrics(path / files.METRICS)
    except errors.InvalidInput:
        return {**row, "holds": "damaged"}, {}
    test = metrics["test"]
    bar = next(iter(recipe.bars), None)
    name = bar.metric if bar else next(iter(test), None)
    row |= {"metric": name, "test": test.get(name), "seconds": metrics["seconds"]}
    if bar:
        row |= {"bar": str(bar), "holds": "yes" if bar.holds(test) else "no"}
    return row, test


def differences(first: pathlib.Path, second: pathlib.Path) -> list[dict[str, Any]]:
    """Return a row for each field of the recipes, fact and test metric that differs.

    Args:
        first: A run folder.
        second: Another one.
    """
    a, b = (_facts(path) for path in (first, second))
    rows = []
    for name in dict.fromkeys((*a, *b)):
        left, right = a.get(name, "-"), b.get(name, "-")
        if left != right:
            rows.append({"what": name, str(first): left, str(second): right})
    return rows


def _facts(path):
    """Return what a run was, and what it reached, by name; nested parts by dotted names."""
    if not (path / files.CONFIG).is_file():
        raise errors.InvalidInput("run folder", "a folder that `kerasdl train` wrote", path)
    config = files.read_config(path / files.CONFIG)
    recipe = Recipe.from_json(config["recipe"]).to_json()
    facts = {name: value for name, value in recipe.items() if name not in ("bars", "summary")}
    facts |= {name: config.get(name, {}) for name in ("versions", "numerics", "fast")}
    facts["examples"] = config["info"]["counts"]
    if files.is_finished(path):
        facts |= files.read_metrics(path / files.METRICS)
    return dict(_flat(facts))


def _flat(facts, prefix=""):
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{name}", value if isinstance(value, int | float | str) else str(value)


# ---- a page


def write_page(path: pathlib.Path, folder: pathlib.Path, rows: list[dict[str, Any]]):
    """Write an HTML page: the table of some runs, and their curves over each other.

    Args:
        path: The file, which needs no other file.
        folder: The folder that contains the runs.
        rows: The rows of `table`.
    """
    histories = {row["run"]: _history(folder / row["run"]) for row in rows}
    histories = {name: history for name, history in histories.items() if history}
    colors = {name: COLORS[i % len(COLORS)] for i, name in enumerate(histories)}
    metrics = dict.fromkeys(name for history in histories.values() for name in history)
    charts = [_chart(metric, histories, colors) for metric in metrics if metric != "learning_rate"]
    legend = "".join(
        f'<li><span style="color:{color}">&#9632;</span> {_text(name)}</li>'
        for name, color in colors.items()
    )
    head = "".join(f"<th>{_text(name)}</th>" for name in (rows[0] if rows else ()))
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(_cell(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Runs</title><style>'
        "body{font:15px system-ui,sans-serif;margin:2em;color:#222}td,th{padding:.2em .8em;"
        "text-align:left;border-bottom:1px solid #ddd}ul{list-style:none;padding:0}"
        "figure{display:inline-block;margin:1em 1.5em 0 0}svg{overflow:visible}</style>"
        f"<h1>Runs</h1><table><tr>{head}</tr>{body}</table><ul>{legend}</ul>{''.join(charts)}</html>\n"
    )
    with atomic(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _history(path):
    try:
        return files.read_history(path / files.HISTORY)
    except (OSError, errors.InvalidInput):  # not finished, or damaged
        return {}


def _cell(value):
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else value


def _text(value):
    return html.escape(plain_text.for_terminal(value))


def _chart(metric, histories, colors):
    """Return a chart of one metric by epoch, a line for each run."""
    lines = {
        name: [(i + 1, v) for i, v in enumerate(history[metric]) if v is not None and abs(v) < 1e30]
        for name, history in histories.items()
        if metric in history
    }
    values = [value for line in lines.values() for _, value in line]
    if not values:
        return ""
    low, high = min(values), max(values)
    epochs = max(max((epoch for epoch, _ in line), default=1) for line in lines.values())
    across, up = WIDTH / max(epochs - 1, 1), HEIGHT / ((high - low) or 1)
    drawn = []
    for name, line in lines.items():
        points = [(LEFT + (e - 1) * across, HEIGHT - (v - low) * up) for e, v in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        style = f'fill="none" stroke="{colors[name]}" stroke-width="1.6"'
        title = f"<title>{_text(name)}</title>"
        drawn.append(f'<polyline {style} points="{path}">{title}</polyline>')
    axis = f"M{LEFT} 0V{HEIGHT}H{LEFT + WIDTH}"
    size = f'width="{LEFT + WIDTH + 10}" height="{HEIGHT + BELOW}"'
    text = 'font-size="12" fill="#555"'
    return (
        f"<figure><figcaption>{_text(metric.replace('_', ' '))}</figcaption><svg {size}>"
        f'<path d="{axis}" fill="none" stroke="#999"/>{"".join(drawn)}'
        f'<text x="{LEFT - 6}" y="10" text-anchor="end" {text}>{high:.4g}</text>'
        f'<text x="{LEFT - 6}" y="{HEIGHT}" text-anchor="end" {text}>{low:.4g}</text>'
        f'<text x="{LEFT}" y="{HEIGHT + 16}" {text}>epoch 1</text>'
        f'<text x="{LEFT + WIDTH}" y="{HEIGHT + 16}" text-anchor="end" {text}>{epochs}</text>'
        "</svg></figure>"
    )
