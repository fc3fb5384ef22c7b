"""Pairs of sentences with masked words, as BERT is trained on.

Which words are masked and which sentence comes second is a function of (seed, epoch, row), as the
augmentation of images is: a resumed run gets the same examples as an uninterrupted one, whatever
the batch size and the number of workers.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kerasdl import errors
from kerasdl.data import text
from kerasdl.data.splits import Source
from kerasdl.utils import checks

if TYPE_CHECKING:  # sets import this module without TensorFlow
    import tensorflow as tf

SPECIAL = ("", text.UNKNOWN, "[CLS]", "[SEP]", "[MASK]")  # the first tokens of the vocabulary
UNKNOWN, START, SEPARATOR, MASK = range(1, 5)
FIXED = -1  # the epoch of examples that stay the same
BOUNDARIES = re.compile(r"(?<=[.!?])\s+|\n")  # between two sentences
SMALLEST, LONGEST = 10, 20  # documents of a file, and sentences of a part of an undivided one

Document: TypeAlias = Sequence[Sequence[str]]  # the words of each of its sentences


def source(documents: Mapping[str, Sequence[Document]], words: int, context: int) -> Source:
    """Return pairs of consecutive sentences as a dataset of the kind "sentence_pairs".

    The pairs of the training split change in each epoch; those of the others stay the same.

    Args:
        documents: dict from "train", "validation" and "test" to the documents of a split.
        words: int, largest size of the vocabulary; it holds the most frequent words.
        context: int, most tokens of a pair. Longer sentences are cut.
    """
    checks.integers(at_least=len(SPECIAL) + 1, words=words)
    checks.integers(at_least=5, context=context)
    sentences = (sentence for document in documents["train"] for sentence in document)
    known = text.vocabulary_of(sentences, words - len(SPECIAL) + 2)[2:]
    vocabulary = (*SPECIAL, *known)
    pairs = {split: Pairs.of(part, vocabulary, context) for split, part in documents.items()}
    train, validation, test = (
        pairs[split].fixed() if len(pairs[split]) else None
        for split in ("train", "validation", "test")
    )
    return Source(
        "sentence_pairs", train, validation, test, vocabulary=vocabulary, vary=pairs["train"]
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs of consecutive sentences of some documents.

    Args:
        sentences: int array (sentences, longest) of tokens, padded with 0, in their order.
        first: int array (pairs,), the row of the first sentence of each pair.
        own: int array (pairs, 2), begin and end of the sentences that are not taken as a wrong
            second sentence: those of the same document.
        vocabulary_size: int, number of tokens.
        context: int, tokens of a pair, with padding.
    """

    sentences: np.ndarray
    first: np.ndarray
    own: np.ndarray
    vocabulary_size: int
    context: int

    @classmethod
    def of(cls, documents: Sequence[Document], vocabulary: Sequence[str], context: int) -> "Pairs":
        """Encode documents; each sentence may take half of the context."""
        longest = (context - len(("[CLS]", "[SEP]", "[SEP]"))) // 2
        texts = [sentence for document in documents for sentence in document]
        sentences = text.encoded([*texts, [""] * longest], vocabulary, longest)[:-1]
        first, own, begin = [], [], 0
        for document in documents:
            end = begin + len(document)
            for row in range(begin, end - 1):
                first.append(row)
                own.append((begin, end) if len(documents) > 1 else (row, row + 2))
            begin = end
        pairs = np.array(first, "int32"), np.array(own, "int32").reshape(-1, 2)
        return cls(sentences, *pairs, len(vocabulary), context)

    def __len__(self):
        return len(self.first)

    def __call__(
        self, inputs: Any, targets: Any, *, seed: int, epoch: Any, rows: Any
    ) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return the tokens of a batch of pairs, and the words and classes to predict.

        Args:
            inputs, targets: Not used; the rows determine the batch.
            seed: int, the run's seed.
            epoch: The epoch, an integer or a tensor.
            rows: Numbers of the pairs, (batch,).
        """
        import tensorflow as tf

        from kerasdl.data import augment

        sentences, lengths, first, own = self._tensors
        draws = augment.uniform(seed, epoch, rows, 2 + 2 * self.context)
        first, own = tf.gather(first, rows), tf.gather(own, rows)
        others = len(self.sentences) - (own[:, 1] - own[:, 0])
        far = tf.cast(draws[:, 1] * tf.cast(others, "float32"), "int32")
        other = (own[:, 1] + tf.minimum(far, others - 1)) % len(self.sentences)
        follows = draws[:, 0] < 0.5
        second = tf.where(follows, first + 1, other)

        a, b = tf.gather(sentences, first), tf.gather(sentences, second)
        ends = tf.gather(lengths, first)[:, None], tf.gather(lengths, second)[:, None]
        tokens = self._joined(a, b, *ends)
        tokens, words = self._masked(tokens, *tf.split(draws[:, 2:], 2, axis=1))
        return tokens, {"words": words, "next": tf.cast(follows, "int32")}

    @functools.cached_property
    def _tensors(self):
        import tensorflow as tf

        lengths = (self.sentences > 0).sum(axis=1).astype("int32")
        with tf.init_scope(), tf.device("CPU:0"):  # outside of the graph of the pipeline
            return [tf.constant(a) for a in (self.sentences, lengths, self.first, self.own)]

    def _joined(self, a, b, length_a, length_b):
        """Return [CLS] a [SEP] b [SEP], padded with 0: (batch, context)."""
        import tensorflow as tf

        places = tf.range(self.context) + tf.zeros_like(length_a)
        last, end = a.shape[1] - 1, length_a + length_b + 2

        def at(sentence, places):
            return tf.gather(sentence, tf.clip_by_value(places, 0, last), batch_dims=1)

        tokens = tf.where(places <= length_a, at(a, places - 1), at(b, places - length_a - 2))
        tokens = tf.where((places == length_a + 1) | (places == end), SEPARATOR, tokens)
        tokens = tf.where(places == 0, START, tokens)
        return tf.where(places > end, 0, tokens)

    def _masked(self, tokens, chosen, drawn):
        """Return the tokens with masks, and the true words where they are asked for, else -1.

        Of the 15 % of words that are asked for, 80 % are masked, 10 % become another word and 10 %
        stay: `kerasdl.formulas.language.mask_tokens`.
        """
        import tensorflow as tf

        words = self.vocabulary_size - len(SPECIAL)
        other = len(SPECIAL) + tf.cast(drawn * words, "int32")
        changed = tf.where(chosen < 0.12, MASK, tf.where(chosen < 0.135, other, tokens))
        asked = (chosen < 0.15) & (tokens >= len(SPECIAL))
        return tf.where(asked, changed, tokens), tf.where(asked, tokens, -1)

    def fixed(self) -> tuple:
        """Return (inputs, targets), one example of each pair, which stay the same."""
        import tensorflow as tf

        found = self(None, None, seed=0, epoch=FIXED, rows=tf.range(len(self)))
        return tf.nest.map_structure(lambda part: part.numpy(), found)


def documents_of(written: str, name: str = "text") -> list[list[list[str]]]:
    """Divide a text into documents, and these into sentences and words.

    Blank lines are between documents. Sentences end with a line or with a point, a question mark
    or an exclamation mark. A text with few blank lines is divided into parts of equal size.

    Args:
        written: str, the text.
        name: str, its name for error messages.

    >>> documents_of("One. Two!\\n\\nThree\\nFour\\n\\n" * 5)[1]
    [['three'], ['four']]
    """
    paragraphs = re.split(r"\n\s*\n", written)
    split = [[text.words_of(part) for part in BOUNDARIES.split(p)] for p in paragraphs]
    documents = [[words for words in sentences if words] for sentences in split]
    several = [document for document in documents if len(document) > 1]
    if len(several) >= SMALLEST:
        return several
    joined = [words for document in documents for words in document]
    if len(joined) < 4 * SMALLEST:
        expected = f"at least {4 * SMALLEST} sentences, or {SMALLEST} documents with a blank line"
        raise errors.InvalidInput(name, f"{expected} between them", f"{len(joined)} sentences")
    size = min(LONGEST, len(joined) // SMALLEST)
    return [joined[start : start + size] for start in range(0, len(joined), size)]
