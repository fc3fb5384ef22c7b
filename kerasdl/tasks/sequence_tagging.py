"""Sequence tagging: a tag for each word of a sentence, such as part of speech or kind of name."""

import collections
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.data import text as texts
from kerasdl.layers.crf import CRF
from kerasdl.losses import TaggingLoss
from kerasdl.tasks import task

USAGE = """\
The input is a sentence as the numbers of its words in the vocabulary of `result.json`, `int32`,
padded with 0; 1 stands for a word that is not there. The output holds the logits of the tags of
each word or, of a network with a CRF, the score of each tag after each other; `labels` names them.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
words, tags = next(kerasdl.data.load("{data}").test.as_numpy_iterator())
found = kerasdl.tasks.get("sequence_tagging").decode(model.predict(words))
print((found == tags)[tags >= 0].mean())
```
"""


class SequenceTagging(task.Task):
    """Learn to give each word of a sentence its tag.

    The loss is the negative log-likelihood of a sentence's tags. Padding does not count. Tags such
    as B-LOC, I-LOC and O mark names of several words: B begins one, I continues it, and O is
    outside. For such tags F1 is that of whole names, which are right if both ends and the kind are:

        F1 = 2 right / (found + true)
    """

    title = "sequence tagging"
    kinds = ("word_tags",)
    metrics = (
        task.Metric("accuracy", "max", "fraction of words with the right tag"),
        task.Metric("f1", "max", "F1 score of whole names, for tags such as B-LOC and I-LOC"),
        task.Metric("nats", "min", "negative log-likelihood of the tags of a word, in nats"),
    )
    criterion = task.Criterion(
        "accuracy",
        "at most 0.005 less accuracy than the float file",
        lambda file, whole: file >= whole - 0.005,
    )
    takes_files = False
    usage = USAGE
    keras_usage = "model.summary()"

    def check_data(self):
        self.require("vocabulary")
        self.require("classes")

    def model_options(self):
        return {
            "vocabulary_size": len(self.info.vocabulary),
            "num_classes": len(self.info.classes),
            "context": self.info.shape[0],
        }

    def check_model(self, model):
        shape, tags = getattr(model, "output_shape", None), len(self.info.classes)
        scores = isinstance(shape, tuple) and shape[2:] in ((tags,), (tags, tags))
        if len(model.inputs) != 1 or not scores:
            expected = f"a network from words to scores of {tags} tags"
            raise errors.InvalidInput(f"model for {self.title}", expected, model.name)

    def compile(self, model, optimizer, **settings):
        adamw = optimizer(global_clipnorm=1.0)
        task.compile_and_build(model, adamw, TaggingLoss(), **settings)

    @staticmethod
    def decode(outputs: np.ndarray | tf.Tensor) -> np.ndarray:
        """Return the most probable tags (batch, time) for the outputs of a network.

        Args:
            outputs: (batch, time, tags) of logits or (batch, time, tags, tags) of a CRF's scores.
        """
        if len(outputs.shape) == 4:
            return np.asarray(CRF.decode(outputs))
        return np.asarray(outputs).argmax(-1)

    def evaluate(self, model, dataset):
        return self._metrics(*self.apply_all(model, dataset))

    def baselines(self, splits):
        """Return the metrics of the most frequent tag of each word."""
        (words, tags), (tested, truth) = task.gather(splits.train), task.gather(splits.test)
        counts = np.zeros((len(self.info.vocabulary), len(self.info.classes)))
        np.add.at(counts, (words[tags >= 0], tags[tags >= 0]), 1)
        counts += counts.sum(axis=0) / counts.sum() / 2  # decides about unknown words
        shares = np.log(counts / counts.sum(axis=1, keepdims=True) + 1e-9)
        return {"most frequent tag of a word": self._metrics(shares[tested], truth)}

    def figures(self, model, splits, history):
        def confusion():
            outputs, tags = self.apply_all(model, splits.test)
            real = tags >= 0
            return explain.confusion(tags[real], self.decode(outputs)[real], self.info.classes)

        return {"curves": lambda: explain.curves(history), "confusion": confusion}

    def write_examples(self, model, splits, folder):
        """Write some test sentences with the tags that the model finds, as a CoNLL file."""
        folder.mkdir(exist_ok=True)
        tokens, _ = task.gather(splits.test, 10)
        found = self.decode(self.apply(model, tokens))
        lines = []
        for row, tags in zip(tokens, found, strict=True):
            pairs = zip(row[row > 0], tags, strict=False)
            lines += [f"{self.info.vocabulary[w]} {self.info.classes[t]}\n" for w, t in pairs]
            lines.append("\n")
        (folder / "sentences.conll").write_text("".join(lines), encoding="utf-8")

    def predict(self, model, inputs, folder):
        rows = []
        for sentence in inputs:
            words, tokens = self.encode(sentence)
            tags = self.decode(self.outputs(model, tf.constant(tokens[None])))[0]
            named = [self.info.classes[tag] for tag in tags]
            pairs = [f"{word}/{tag}" for word, tag in zip(words, named, strict=True)]
            rows.append({"input": sentence, "tags": " ".join(pairs)})
        return rows

    def encode(self, sentence: str) -> tuple[list[str], np.ndarray]:
        """Split a sentence at spaces; return its words and their tokens."""
        words = sentence.split()
        if not words:
            expected = "a sentence of at least one word, with spaces between the words"
            raise errors.InvalidInput("input", expected, repr(sentence))
        return words, texts.encoded([words], self.info.vocabulary or ())[0]

    def exports(self, model, splits):
        inputs, _ = task.gather(splits.test)
        return {"model": task.Export(model, inputs)}

    def measure(self, parts, model, splits):
        inputs, tags = task.gather(splits.test)
        return self._metrics(np.asarray(parts["model"](inputs)), tags)

    def _metrics(self, outputs, tags):
        found, real = self.decode(outputs), tags >= 0
        loss = TaggingLoss(reduction="sum")(tags, outputs.astype("float32"))
        metrics = {"accuracy": float((found == tags)[real].mean())}
        if is_bio(self.info.classes):
            metrics["f1"] = self._f1(found, tags)
        return {**metrics, "nats": float(loss) / int(real.sum())}

    def _f1(self, found, tags):
        counts: collections.Counter[str] = collections.Counter()
        for ours, theirs in zip(found, tags, strict=True):
            length = int((theirs >= 0).sum())
            a, b = (
                names_in([self.info.classes[tag] for tag in row[:length]]) for row in (ours, theirs)
            )
            counts.update(right=2 * len(a & b), total=len(a) + len(b))
        return counts["right"] / counts["total"] if counts["total"] else float("nan")


def is_bio(classes: Iterable[str]) -> bool:
    """Return whether tags mark the beginning and the inside of names, such as B-LOC, I-LOC and O.

    >>> is_bio(["B-LOC", "I-LOC", "O"]), is_bio(["NOUN", "VERB"])
    (True, False)
    """
    marks = [tag == "O" or tag.startswith(("B-", "I-")) for tag in classes]
    return all(marks) and any(tag.startswith("B-") for tag in classes)


def names_in(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Return the names that tags mark: the first word, the last word and the kind of each.

    An I that continues no name of its kind begins one, as in the evaluation of CoNLL.

    >>> sorted(names_in(["B-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-PER"]))
    [(0, 1, 'PER'), (3, 3, 'LOC'), (4, 4, 'LOC'), (5, 5, 'PER')]
    """
    found: list[tuple[int, int, str]] = []
    before = "O"
    for place, tag in enumerate(tags):
        kind = tag[2:]
        if tag.startswith("I-") and before[2:] == kind and before != "O":
            found[-1] = (found[-1][0], place, kind)
        elif tag != "O":
            found.append((place, place, kind))
        before = tag
    return set(found)
