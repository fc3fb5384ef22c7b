"""Print rows of results as a table for people or as JSON for programs."""

import itertools
import json
import math
import os
import sys

from kerasdl.utils import plain_text

GAP = 2  # columns of space between two cells
NARROWEST = 8  # columns that a text keeps in a narrow terminal


def show(rows: list[dict], title: str = "", as_json: bool = False, *, spaces: bool = True):
    """Print rows that have the same keys.

    In a terminal, the table fits its width, and only texts are wrapped. In a pipe or a file, no
    line is wrapped.

    Args:
        rows: list of dict, a row each.
        title: str, a line above the table.
        as_json: bool, whether to print JSON instead.
        spaces: bool, whether headings have spaces for underscores; not if they are names of files.
    """
    if as_json:
        return print_json(rows)
    if title:
        print(_bold(plain_text.for_terminal(title)))
    names = list(rows[0]) if rows else []
    texts, numbers, columns = [], [], []
    for name in names:
        values = [row[name] for row in rows]
        texts.append(any(isinstance(value, str) for value in values))
        numbers.append(all(isinstance(v, int | float | None) for v in values))
        head = plain_text.for_terminal(name.replace("_", " ") if spaces else name)
        columns.append([_lines(cell) for cell in (head, *map(_cell, values))])
    widths = [max(_columns(line) for cell in column for line in cell) for column in columns]
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        import shutil  # only a terminal waits for it

        widths = _fitted(widths, texts, shutil.get_terminal_size().columns)
    for index, cells in enumerate(zip(*columns, strict=True)):
        parts = [
            [part for line in cell for part in (_wrapped(line, width) if is_text else [line])]
            for cell, width, is_text in zip(cells, widths, texts, strict=True)
        ]
        for line in itertools.zip_longest(*parts, fillvalue=""):
            shown = map(_padded, line, widths, numbers)
            text = (" " * GAP).join(shown).rstrip()
            print(_bold(text) if index == 0 else text)
        if index == 0:
            print("\N{BOX DRAWINGS LIGHT HORIZONTAL}" * (sum(widths) + GAP * (len(widths) - 1)))


def _bold(text):
    has_styles = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
    return f"\x1b[1m{text}\x1b[0m" if has_styles else text


def _lines(text):
    return text.expandtabs().split("\n")


def _columns(text):
    """Count the columns that a text takes in a terminal: letters of some scripts take two."""
    if text.isascii():
        return len(text)
    import rich.cells

    return rich.cells.cell_len(text)


def _padded(text, width, is_number):
    space = " " * (width - _columns(text))
    return space + text if is_number else text + space


def _fitted(widths, texts, available):
    """Narrow the widest columns of text until the table fits."""
    widths = [min(w, available) if t else w for w, t in zip(widths, texts, strict=True)]
    while sum(widths) + GAP * (len(widths) - 1) > available:
        width, widest = max(((w, i) for i, w in enumerate(widths) if texts[i]), default=(0, 0))
        if width <= NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _wrapped(text, width):
    """Break a line at spaces, and words that are wider than `width` after a slash or anywhere."""
    if _columns(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        if _columns(joined := f"{line} {word}" if line else word) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = ""
        for letter in word:
            if _columns(line + letter) > width:
                end = line.rfind("/") + 1 or len(line)
                lines.append(line[:end])
                line = line[end:]
            line += letter
    return [*lines, line]


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
