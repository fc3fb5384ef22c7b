"""Rows of a .csv file: which line each starts on, and which are no rows of the table."""

import csv
import io
import pathlib

from kerasdl import errors

MISSING = ("", "nan", "NaN", "NAN")  # as spreadsheets and pandas write what is not there


def read(path, inspection, names_needed=None) -> tuple[list[int], dict]:
    """The numbers of the lines that hold values, and {name: the column's values as text}.

    Args:
        path: A file in UTF-8: a line of names, then a line for each example.
        inspection: Notes lines that are ragged, lack a value or are not UTF-8; keys are lines.
        names_needed: Columns that must hold values; by default all.
    """
    lines = _lines(path)
    if len(lines) < 2:
        expected = "a line of names and lines of values"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{len(lines)} lines")
    names = lines.pop(first := min(lines))
    if not all(map(_is_utf8, names)):
        raise errors.InvalidInput(f"line {first} of `{path}`", "text in UTF-8", _escaped(names))
    if twice := [name for name in names if names.count(name) > 1]:
        raise errors.InvalidInput(f"file `{path}`", "one column of a name", f"two `{twice[0]}`")
    needed = [i for i, name in enumerate(names) if names_needed is None or name in names_needed]
    kept = {}
    for line, row in lines.items():
        if fault := _fault(names, needed, row):
            note(inspection, path, line, *fault)
        else:
            kept[line] = row
    inspection.check()
    columns = zip(*kept.values(), strict=True) if kept else [()] * len(names)
    return list(kept), dict(zip(names, columns, strict=True))


def note(inspection, path, line, reason, expected, received):
    subject = f"line {line} of `{path}`"
    inspection.bad(line, f"line {line}", reason, subject, expected, received)


def _fault(names, needed, row):
    if escaped := [cell for cell in row if not _is_utf8(cell)]:
        return "not UTF-8", "text in UTF-8", _escaped(escaped)
    if len(row) != len(names):
        return "ragged line", f"{len(names)} values", f"{len(row)}: {row}"
    for i in needed:
        if row[i] in MISSING:
            return "missing value", f"a value for column `{names[i]}`", row[i] or "none"
    return None


def _is_utf8(text):
    return not any("\udc80" <= character <= "\udcff" for character in text)


def _escaped(cells):
    return ",".join(cells).encode("utf-8", "surrogateescape")


def _lines(path):
    """{the line on which it starts: cells}"""
    content = pathlib.Path(path).read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise errors.InvalidInput(f"file `{path}`", "comma-separated text in UTF-8", "UTF-16")
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    reader, rows, line = csv.reader(io.StringIO(text, newline="")), {}, 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            subject = f"line {line} of `{path}`"
            raise errors.InvalidInput(subject, "comma-separated text", error) from None
        if row is None:
            return rows
        if row:
            rows[line] = [cell.strip() for cell in row]
        line = reader.line_num + 1
