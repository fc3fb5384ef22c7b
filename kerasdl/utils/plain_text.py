"""Show text of users literally: in a terminal, in a figure and in Markdown.

Names of classes, files and recipes may contain anything. A terminal interprets escape sequences,
matplotlib sets text between two dollar signs as mathematics, and Markdown interprets its markup.
"""

import re
import sys
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
KEPT = "\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # some words and emoji need the joiners
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~])")


def for_terminal(text: object) -> str:
    r"""Return the text without control characters, which a terminal would interpret.

    Args:
        text: The text, or an object to show as one.

    >>> for_terminal("a\x1b[31m \u202ecat")
    'a�[31m �cat'
    """
    return "".join(c if _is_shown(c) else REPLACEMENT for c in str(text))


def for_figure(text: object) -> str:
    r"""Return the text escaped, so that matplotlib draws it literally.

    Args:
        text: The text, or an object to show as one.

    >>> print(for_figure(r"$\frac{$"))
    \$\frac{\$
    """
    shown = for_terminal(text).replace("$", r"\$")
    # a legend omits labels that begin with an underscore
    return f" {shown}" if shown.startswith("_") else shown


def for_markdown(text: object) -> str:
    r"""Return the text as one line, with the markup of Markdown escaped.

    Args:
        text: The text, or an object to show as one.

    >>> print(for_markdown("a|b\n[red]"))
    a\|b \[red\]
    """
    return MARKDOWN.sub(r"\\\1", " ".join(for_terminal(text).split()))


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(0.2), duration(75), duration(4000)
    ('1 s', '75 s', '67 min')
    """
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{round(seconds / 60):,} min"


def tell(*parts: object) -> None:
    """Print a line on standard error, without control characters."""
    lines = for_terminal(" ".join(map(str, parts))).splitlines()
    print(" ".join(lines), file=sys.stderr, flush=True)


def _is_shown(character):
    # `isprintable` is false for all spaces but one
    return character.isprintable() or character in KEPT or unicodedata.category(character) == "Zs"
