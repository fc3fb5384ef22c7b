"""Rows of results as a table for people or as JSON for programs."""

import json
import os
import sys


def show(rows: list[dict], title: str = "", as_json: bool = False, whole: str = ""):
    """Print rows that share their keys; names in the column `whole` are never broken."""
    if as_json:
        json.dump(rows, sys.stdout, indent=2)
        print()
        return
    import rich.console
    import rich.table

    table = rich.table.Table(title=title or None, title_justify="left", title_style="bold")
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row[name], int | float) for row in rows)
        table.add_column(
            name.replace("_", " "),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=name == whole,
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    # a file or a pipe gets whole lines, a terminal gets its own width
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
    rich.console.Console(width=width, highlight=False).print(table)


def _cell(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2e}" if 0 < abs(value) < 1e-3 else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
