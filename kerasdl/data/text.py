"""Text as numbers."""

import re

import numpy as np

from kerasdl import errors
from kerasdl.data import splitting
from kerasdl.data.splits import Source

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
# a word or number, a punctuation mark, a line's end or indentation
WORDS = re.compile(r"\w+|[^\w\s]|\n *| {2,}")
SPLITTERS = {"characters": list, "words": WORDS.findall}


def language(text, tokens="characters", context=128, stride=None, words=8000, name="text"):
    """A source of windows of a text, whose targets are the same tokens, one later.

    The last tenth tests, the tenth before validates, both in windows side by side. The vocabulary
    is the training part's; its token 0 stands for all that is not in it.

    Args:
        text: The text.
        tokens: "characters" or "words".
        context: Tokens in a window.
        stride: Tokens from one training window to the next; half of the context by default.
        words: The largest size of a vocabulary of words, which holds the most frequent ones.
        name: What to call the text in an error.
    """
    errors.one_of("value for option `tokens`", tokens, list(SPLITTERS))
    splitting.check_integer("context", context, 1)
    splitting.check_integer("words", words, 2)
    stride = max(1, context // 2) if stride is None else stride
    splitting.check_integer("stride", stride, 1)
    parts = splitting.in_sequence(np.array(SPLITTERS[tokens](text), dtype=object))
    if len(parts[-1]) <= context:
        expected = f"more than {10 * (context + 1)} {tokens} for a context of {context}"
        raise errors.InvalidInput(name, expected, sum(map(len, parts)))
    found, counts = np.unique(parts[0].astype(str), return_counts=True)
    common = np.argsort(-counts, kind="stable")[: words - 1] if tokens == "words" else slice(None)
    vocabulary = (UNKNOWN, *map(str, np.sort(found[common])))
    numbers = {token: number for number, token in enumerate(vocabulary)}
    steps = (stride, context, context)
    encoded = [np.array([numbers.get(t, 0) for t in part], "int32") for part in parts]
    parts = [_windows(part, context, step) for part, step in zip(encoded, steps, strict=True)]
    return Source("text", *parts, vocabulary=vocabulary)


def _windows(tokens, context, stride):
    cuts = np.lib.stride_tricks.sliding_window_view(tokens, context + 1)[::stride]
    return cuts[:, :-1].copy(), cuts[:, 1:].copy()


def pairs(examples, characters):
    """A source of translations: examples are (source, target) texts, splits by position.

    Token 0 pads, 1 starts. Inputs are (source, target delayed by one), the target ends with 0.
    """
    vocabulary = ("", "<start>", *characters)
    numbers = {character: number for number, character in enumerate(vocabulary)}
    sides = [[[numbers[c] for c in text] for text in side] for side in zip(*examples, strict=True)]
    source, target = (_padded(side) for side in sides)
    target = np.pad(target, ((0, 0), (0, 1)))  # the end
    delayed = np.pad(target[:, :-1], ((0, 0), (1, 0)), constant_values=1)
    parts = splitting.in_sequence(((source, delayed), target))
    return Source("translation", *parts, vocabulary=vocabulary)


def _padded(rows):
    padded = np.zeros((len(rows), max(map(len, rows))), "int32")
    for row, numbers in zip(padded, rows, strict=True):
        row[: len(numbers)] = numbers
    return padded
