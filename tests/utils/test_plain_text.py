"""Users' names in the terminal, in figures and in Markdown."""

import warnings

import pytest

from kerasdl import explain
from kerasdl.utils import plain_text, tables

NAMES = ["$\\frac{$", "$a", "a$b$", "[red]x", "[/red]", "\x1b[31mred", "a\0b", "\udcff", "_hidden"]
NAMES += ["a|b", "\u202egnp", "naïve\u00a0: 猫", "\\$", "a\nb", "{x}", "%s"]


def test_control_characters_are_not_printed():
    shown = [plain_text.for_terminal(name) for name in NAMES]
    assert not any(set(name) & set("\x1b\0\udcff\u202e") for name in shown)
    for name in ("naïve\u00a0: 猫", "[red]x", "a\nb", "👩\u200d🔬"):
        assert plain_text.for_terminal(name) == name
    assert plain_text.for_terminal(3) == "3"


@pytest.mark.parametrize("name", NAMES)
def test_figures_show_names_unchanged(name, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a missing glyph is drawn as a box
        explain.confusion([0, 1], [0, 1], [name, "b"]).savefig(tmp_path / "confusion.png")
        codes = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
        figure = explain.latent(codes, [0, 1, 1], [name, "b"])
        figure.savefig(tmp_path / "latent.png")
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == [plain_text.for_figure(name), "b"]
    assert labels[0].replace("\\$", "$").strip() == plain_text.for_terminal(name).strip()


def test_told_message_is_one_line(capsys):
    plain_text.tell("a", 3, "b\nc\x1b[31m\r\nd")
    assert (
        capsys.readouterr().err
        == "a 3 b c\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER} d\n"
    )


def test_markdown_is_escaped_and_on_one_line():
    assert plain_text.for_markdown("a | <b>\n# c `d` \x1b") == (
        "a \\| \\<b\\> \\# c \\`d\\` \N{REPLACEMENT CHARACTER}"
    )


def test_tables_show_names_unchanged(capsys):
    rows = [{"[b]name": name, "_value": float("nan")} for name in NAMES]
    tables.show(rows, "[/red] \x1b[31m")
    out = capsys.readouterr().out
    assert "\x1b" not in out and out.startswith("[/red] ") and "[b]name" in out
    for name in ("[red]x", "[/red]", "$\\frac{$"):
        assert name in out


def test_json_has_no_nan(capsys):
    tables.show([{"value": float("nan"), "parts": [float("inf"), 1.5]}], as_json=True)
    out = capsys.readouterr().out
    assert '"value": null' in out and "Infinity" not in out and "1.5" in out
