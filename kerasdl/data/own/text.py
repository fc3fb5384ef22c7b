"""A text file."""

import pathlib

from kerasdl import errors
from kerasdl.data import text


def read(path, seed, tokens="characters", context=128, stride=None, words=8000):
    """A text of the user's, to be modelled: the last tenth tests, the tenth before validates.

    tokens: "characters" or "words".
    context: Tokens in a window.
    stride: Tokens from one training window to the next; half of the context by default.
    words: The largest size of a vocabulary of words.
    """
    try:
        content = pathlib.Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        expected = "text in UTF-8"
        raise errors.InvalidInput(
            f"file `{path}`", expected, f"byte {error.start} is not"
        ) from None
    return text.language(content, tokens, context, stride, words, name=f"file `{path}`")
