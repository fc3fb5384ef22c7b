"""Encode text as token numbers."""

import collections
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from kerasdl import errors
from kerasdl.data import splitting
from kerasdl.data.splits import Source
from kerasdl.utils import checks

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
# a word or number, a punctuation mark, a line's end or indentation
WORDS = re.compile(r"\w+|[^\w\s]|\n *| {2,}")
WORDS_OF_TEXTS = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
SPLITTERS: dict[str, Callable[[str], list[str]]] = {"characters": list, "words": WORDS.findall}


def language(
    text: str,
    tokens: str = "characters",
    context: int = 128,
    stride: int | None = None,
    words: int = 8000,
    name: str = "text",
) -> Source:
    """Divide a text into windows; the targets are the inputs shifted by one token.

    The last tenth is for testing, the tenth before it for validation; their windows do not overlap.
    The vocabulary holds the tokens of the training part; token 0 stands for all others.

    Args:
        text: str, the text.
        tokens: str, "characters" or "words".
        context: int, tokens in a window.
        stride: int, tokens from one training window to the next. By default half of the context.
        words: int, largest size of a vocabulary of words; it holds the most frequent ones.
        name: str, name of the text for error messages.
    """
    checks.choices(list(SPLITTERS), tokens=tokens)
    checks.integers(context=context)
    checks.integers(at_least=2, words=words)
    stride = max(1, context // 2) if stride is None else stride
    checks.integers(stride=stride)
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
    train, validation, test = (
        _windows(part, context, step) for part, step in zip(encoded, steps, strict=True)
    )
    return Source("text", train, validation, test, vocabulary=vocabulary)


def _windows(tokens, context, stride):
    cuts = np.lib.stride_tricks.sliding_window_view(tokens, context + 1)[::stride]
    return cuts[:, :-1].copy(), cuts[:, 1:].copy()


def pairs(examples: Sequence[tuple[Sequence[str], Sequence[str]]], tokens: Iterable[str]) -> Source:
    """Encode translations; split them into 80 % training, 10 % validation and 10 % test data.

    Token 0 ends a target and pads it, token 1 starts it. Inputs are the source, and the target
    delayed by one token, as teacher forcing needs it.

    Args:
        examples: Sources and targets: texts, or sequences of tokens.
        tokens: All tokens in them, without repetition.
    """
    vocabulary = ("", "<start>", *tokens)
    numbers = {token: number for number, token in enumerate(vocabulary)}
    encoded = [
        [[numbers[t] for t in text] for text in side] for side in zip(*examples, strict=True)
    ]
    source, target = map(_padded, encoded)
    target = np.pad(target, ((0, 0), (0, 1)))  # each ends with at least one 0
    delayed = np.pad(target[:, :-1], ((0, 0), (1, 0)), constant_values=1)
    train, validation, test = splitting.in_sequence(((source, delayed), target))
    return Source("translation", train, validation, test, vocabulary=vocabulary)


def words_of(text: str) -> list[str]:
    """Return the words, numbers and punctuation marks of a text in lower case, as a list.

    >>> words_of("It isn't bad, is it?")
    ['it', "isn't", 'bad', ',', 'is', 'it', '?']
    """
    return WORDS_OF_TEXTS.findall(text.lower())


def vocabulary_of(texts: Iterable[Sequence[str]], words: int) -> tuple[str, ...]:
    """Return padding, the token of unknown words, and the most frequent words in order.

    Args:
        texts: The words of each text.
        words: int, largest size of the vocabulary.

    >>> vocabulary_of([["a", "b"], ["b", "c"]], words=3)[2:]
    ('b',)
    """
    counts = collections.Counter(word for words in texts for word in words)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return ("", UNKNOWN, *sorted(ordered[: max(0, words - 2)]))


def encoded(
    texts: Sequence[Sequence[str]], vocabulary: Sequence[str], context: int | None = None
) -> np.ndarray:
    """Return the tokens of texts, padded with 0 to the longest of them.

    Args:
        texts: The words of each text.
        vocabulary: As `vocabulary_of` returns it; token 1 stands for words that it lacks.
        context: int, words of a text that are used; by default all.

    >>> encoded([["b"], ["b", "x"]], ("", UNKNOWN, "a", "b")).tolist()
    [[3, 0], [3, 1]]
    """
    numbers = {word: number for number, word in enumerate(vocabulary)}
    return _padded([[numbers.get(word, 1) for word in words[:context]] for words in texts])


Tagged: TypeAlias = tuple[Sequence[str], Sequence[str]]  # the words of a sentence and their tags


def tagged(splits: Mapping[str, Sequence[Tagged]], words: int, context: int) -> Source:
    """Encode sentences with a tag for each word. Longer sentences than `context` are divided.

    The vocabulary holds the words of the training split, and token 1 stands for all others.

    Args:
        splits: dict from "train", "validation" and "test" to sentences.
        words: int, largest size of the vocabulary; it holds the most frequent words.
        context: int, words in a sequence.
    """
    checks.integers(at_least=3, words=words)
    checks.integers(context=context)
    parts = {
        split: [
            (words[start : start + context], tags[start : start + context])
            for words, tags in sentences
            for start in range(0, len(words), context)
        ]
        for split, sentences in splits.items()
    }
    vocabulary = vocabulary_of((words for words, _ in parts["train"]), words)
    classes = tuple(sorted({tag for part in parts.values() for _, tags in part for tag in tags}))
    numbers = {tag: number for number, tag in enumerate(classes)}
    length = max((len(words) for part in parts.values() for words, _ in part), default=1)

    def arrays(part):
        if not part:
            return None
        inputs = encoded([*(words for words, _ in part), [""] * length], vocabulary)[:-1]
        targets = np.full_like(inputs, -1)
        for row, (_, tags) in zip(targets, part, strict=True):
            row[: len(tags)] = [numbers[tag] for tag in tags]
        return inputs, targets

    train, validation, test = (arrays(parts.get(s)) for s in ("train", "validation", "test"))
    return Source("word_tags", train, validation, test, classes, vocabulary)


def _padded(rows):
    padded = np.zeros((len(rows), max(map(len, rows))), "int32")
    for row, numbers in zip(padded, rows, strict=True):
        row[: len(numbers)] = numbers
    return padded
