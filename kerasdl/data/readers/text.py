"""Read a text file."""

import dataclasses
import itertools
import pathlib
import re

from kerasdl.data import bad_examples, sentence_pairs, splitting, text
from kerasdl.data.splits import Source
from kerasdl.utils import checks

ESCAPED = re.compile("[\udc80-\udcff]")


def read(
    path,
    seed,
    tokens="characters",
    context=128,
    stride=None,
    words=8000,
    task="language",
    skip_bad=False,
) -> Source:
    """A text file for language modeling.

    The last tenth is for testing, the tenth before it for validation.

    With task="sentences", an example is two sentences with masked words, of which the second
    follows the first or not. Sentences end with a line or with one of `.!?`, and blank lines divide
    the text into documents.

    tokens: str, "characters" or "words".
    context: int, tokens in a window.
    stride: int, tokens from one training window to the next. By default half of the context.
    words: int, largest size of a vocabulary of words.
    task: str, "language" or "sentences".
    skip_bad: bool, leave out bytes that are not UTF-8.
    """
    checks.choices(("language", "sentences"), task=task)
    content = pathlib.Path(path).read_bytes()
    decoded = content.decode("utf-8", "surrogateescape")
    inspection = bad_examples.Inspection(skip_bad)
    end, byte, line = 0, 0, 1
    total = len(ESCAPED.findall(decoded))
    for found in itertools.islice(ESCAPED.finditer(decoded), bad_examples.SHOWN):
        between = decoded[end : found.start()]
        byte, line = byte + len(between.encode()), line + between.count("\n")
        subject = f"line {line} of `{path}`"
        received = f"byte {byte}, {content[byte : byte + 1]!r}"
        note = (f"byte {byte}", "not UTF-8", subject, "text in UTF-8", received)
        inspection.bad(byte, *note)
        end, byte = found.end(), byte + 1
    if total > inspection.count:  # the others are only counted
        inspection.bad("others", *note, count=total - inspection.count)
    skipped = inspection.done(len(content), f"file `{path}`")
    lines = ESCAPED.sub("", decoded).replace("\r\n", "\n").replace("\r", "\n")
    subject = f"file `{path}`"
    if task == "sentences":
        parts = splitting.in_sequence(sentence_pairs.documents_of(lines, subject))
        documents = dict(zip(("train", "validation", "test"), parts, strict=True))
        source = sentence_pairs.source(documents, words, context)
    else:
        source = text.language(lines, tokens, context, stride, words, name=subject)
    return dataclasses.replace(source, skipped=skipped)
