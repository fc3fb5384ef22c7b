"""Read sentences with a tag for each word from a CoNLL file."""

import dataclasses
import pathlib

from kerasdl import errors
from kerasdl.data import bad_examples, splitting, text
from kerasdl.data.splits import Source
from kerasdl.utils import checks

# of a .conllu file: ID, FORM, LEMMA, UPOS, ...
CONLLU = ".conllu"


def read(
    path,
    seed,
    word=None,
    tag=None,
    context=128,
    words=20_000,
    lower=False,
    validation=0.1,
    test=0.1,
    skip_bad=False,
) -> Source:
    """A CoNLL file: a word and its tag on each line, with a blank line after each sentence.

    Columns are separated by a tab, or else by spaces. Lines that begin with "-DOCSTART-" are left
    out, and in .conllu files comments, and the lines of words that are contracted of others or left
    out ("1-2", "1.1").

    word, tag: int, the columns of words and tags, from 0, or from the last by -1. By default the
        first and the last; in .conllu files 1 and 3, words and parts of speech.
    context: int, words in a sequence; longer sentences are divided.
    words: int, largest size of the vocabulary.
    lower: bool, write all words in lower case.
    validation, test: float, fractions of the sentences, drawn with the seed.
    skip_bad: bool, leave out sentences with lines that cannot be read.
    """
    checks.flags(lower=lower)
    is_conllu = pathlib.Path(path).suffix.lower() == CONLLU
    columns = {"word": 1 if is_conllu else 0, "tag": 3 if is_conllu else -1}
    columns |= {n: v for n, v in {"word": word, "tag": tag}.items() if v is not None}
    checks.integers(at_least=-100, word=columns["word"], tag=columns["tag"])
    checks.check("tag", tag, columns["word"] != columns["tag"], "another column than that of words")
    inspection = bad_examples.Inspection(skip_bad)
    sentences, total = _sentences(path, columns, is_conllu, lower, inspection)
    skipped = inspection.done(total, f"file `{path}`")
    if not sentences:
        expected = "lines of a word and its tag, and a blank line after each sentence"
        raise errors.InvalidInput(f"file `{path}`", expected, "no sentence")
    parts = splitting.cut({"train": sentences}, seed, validation, test)
    splitting.check_enough(f"file `{path}`", parts, "sentences")
    source = text.tagged(parts, words, context)
    classes = source.classes or ()
    if len(classes) < 2:
        raise errors.InvalidInput(f"tags of `{path}`", "at least two", ", ".join(classes))
    return dataclasses.replace(source, skipped=skipped)


def _sentences(path, columns, is_conllu, lower, inspection):
    """Return the sentences that can be read, and the number of all."""
    content = pathlib.Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    sentences, pairs, count = [], [], 0
    for number, line in enumerate([*lines, ""], start=1):
        if not line.strip():
            if pairs:
                if None not in pairs:
                    sentences.append(tuple(map(list, zip(*pairs, strict=True))))
                count += 1
            pairs = []
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if cells[0] == "-DOCSTART-" or (is_conllu and (line[0] == "#" or not cells[0].isdigit())):
            continue
        pairs.append(_pair(path, number, line, cells, columns, count, inspection))
        if lower and pairs[-1]:
            pairs[-1] = (pairs[-1][0].lower(), pairs[-1][1])
    return sentences, count


def _pair(path, number, line, cells, columns, sentence, inspection):
    """Return the word and the tag of a line; note a line without, and return None."""
    needed = max(2, *(c + 1 if c >= 0 else -c for c in columns.values()))
    subject, expected = (
        f"line {number} of `{path}`",
        f"a word and its tag, {needed} columns or more",
    )
    if any("\udc80" <= character <= "\udcff" for character in line):
        received = line.encode("utf-8", "surrogateescape")
        fault = "not UTF-8", subject, "text in UTF-8", received
    elif len(cells) < needed:
        fault = "no tag", subject, expected, repr(line)
    else:
        word, tag = (cells[place].strip() for place in columns.values())
        if word and tag:
            return word, tag
        fault = "no tag", subject, expected, repr(line)
    inspection.bad(sentence, f"line {number}", *fault)
    return None
