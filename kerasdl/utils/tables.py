"""Print rows of results as a table for people or as JSON for programs."""

import json
import math
import os
import sys

from kerasdl.utils import plain_text

UNWRAPPED = 10_000  # columns; a file or a pipe gets whole lines


def show(rows: list[dict], title: str = "", as_json: bool = False):
    """Print rows that have the same keys.

    In a terminal, the table fits its width, and only texts are wrapped. In a pipe or a file, no
    line is wrapped.

    Args:
        rows: list of dict, a row each.
        title: str, a line above the table.
        as_json: bool, whether to print JSON instead.
    """
    if as_json:
        return print_json(rows)
    import rich.box
    import rich.console
    import rich.table
    import rich.text

    in_terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = rich.console.Console(width=None if in_terminal else UNWRAPPED, highlight=False)
    if title:
        console.print(rich.text.Text(plain_text.for_terminal(title), style="bold"))
    table = rich.table.Table(
        box=rich.box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for name in rows[0] if rows else ():
        is_text = any(isinstance(row[name], str) for row in rows)
        is_number = all(isinstance(row[name], int | float | None) for row in rows) and not is_text
        table.add_column(
            rich.text.Text(plain_text.for_terminal(name.replace("_", " "))),
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=not is_text,
        )
    for row in rows:
        table.add_row(*(rich.text.Text(_cell(value)) for value in row.values()))
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_json(value):
    """Print a value as JSON, with `null` for NaN and infinity, which JSON does not have."""
    json.dump(_strict(value), sys.stdout, indent=2)
    print()


def _strict(value):
    if isinstance(value, dict):
        return {name: _strict(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2e}" if 0 < abs(value) < 1e-3 else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else plain_text.for_terminal(str(value))
