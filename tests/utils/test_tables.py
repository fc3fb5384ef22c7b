"""Tables: aligned by the width of their letters, and wrapped only in a terminal."""

import io

import rich.box
import rich.console
import rich.table
import rich.text

from kerasdl.utils import tables

ROWS = [
    {"name": "several words, and more of them", "count_of": 12345, "value": 1e-5, "ok": True},
    {"name": "two\nlines", "count_of": 3, "value": None, "ok": False},
    {"name": "図書館の猫 é", "count_of": 3, "value": float("nan"), "ok": True},
]


def by_rich(rows):
    console = rich.console.Console(file=io.StringIO(), width=10_000)
    table = rich.table.Table(
        box=rich.box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "name" else "right")
    for row in rows:
        table.add_row(*(rich.text.Text(tables._cell(value)) for value in row.values()))
    console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_table_equals_that_of_rich(capsys):
    tables.show(ROWS, "Title")
    assert capsys.readouterr().out.splitlines() == ["Title", *by_rich(ROWS)]


def test_texts_are_wrapped_to_the_width_of_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    tables.show([{"name": "one two three", "what": "aVeryLongWord of letters", "n": 12}])
    assert capsys.readouterr().out.splitlines() == [
        "name       what        n",
        "─" * 24,
        "one two    aVeryLong  12",
        "three      Word of",
        "           letters",
    ]


def test_paths_are_broken_after_a_slash_and_headings_may_be_names_of_files(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    tables.show([{"what": "data", "runs/my_run": "/home/me/my_photos"}], spaces=False)
    assert capsys.readouterr().out.splitlines()[0] == "what  runs/my_run"
    tables.show([{"name": "data", "path_of": "/home/somebody/photos/"}])
    assert capsys.readouterr().out.splitlines()[-2:] == ["data  /home/somebody/", "      photos/"]


def test_a_terminal_too_narrow_for_the_numbers_gets_longer_lines(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    tables.show([{"name": "nine letters", "n": 123456789}])
    assert capsys.readouterr().out.splitlines()[-2:] == ["nine      123,456,789", "letters"]


def test_table_without_rows_prints_its_title(capsys):
    tables.show([], "Title")
    assert capsys.readouterr().out == "Title\n"
