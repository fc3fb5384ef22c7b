"""Text classification: one of several classes for a text."""

import numpy as np
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.data import text as texts
from kerasdl.tasks import classification, task

USAGE = """\
The input is a text as the numbers of its words in the vocabulary of `result.json`, `int32`, padded
with 0; 1 stands for a word that is not there. The output holds {outputs} logits: the largest is the
answer, and softmax turns them into probabilities. `labels` names the classes.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
texts, labels = next(kerasdl.data.load("{data}").test.as_numpy_iterator())
logits = model.predict(texts)
print([model.labels[i] for i in logits.argmax(-1)][:5], labels[:5])
```
"""


class TextClassification(classification.Classification):
    """Learn the class of a text from labeled examples.

    The loss is the cross-entropy, optionally with label smoothing and balanced class weights.
    """

    title = "text classification"
    otherwise = ()
    has_head = False
    takes_files = False
    usage = USAGE

    def check_data(self):
        super().check_data()
        if not self.info.vocabulary:
            expected = "folders of .txt files, or a table with --task text, `task='text'`"
            raise errors.InvalidInput(f"data for {self.title}", expected, self.info.name)

    def model_options(self):
        return {
            "vocabulary_size": len(self.info.vocabulary),
            "num_classes": len(self.info.classes),
            "context": self.info.shape[0],
        }

    def baselines(self, splits):
        """Return the metrics of a linear model of the words that occur in a text (bag of words)."""
        from sklearn import linear_model

        (words, labels), (tested, truth) = task.gather(splits.train), task.gather(splits.test)
        model = linear_model.LogisticRegression(max_iter=1000).fit(self._bag(words), labels)
        logits = np.full((len(tested), len(self.info.classes)), -1e3, "float32")
        logits[:, model.classes_] = model.predict_log_proba(self._bag(tested))
        return {"linear bag of words": classification._metrics(logits, truth)}

    def _bag(self, tokens):
        """Return how often each word occurs in each text, as a sparse matrix."""
        from scipy import sparse

        rows, columns = np.nonzero(tokens)
        counts = np.ones(len(rows), "float32"), (rows, tokens[rows, columns])
        return sparse.csr_matrix(counts, (len(tokens), len(self.info.vocabulary)))

    def figures(self, model, splits, history):
        def confusion():
            logits, labels = self.apply_all(model, splits.test)
            return explain.confusion(labels, logits.argmax(-1), self.info.classes)

        return {"curves": lambda: explain.curves(history), "confusion": confusion}

    def write_examples(self, model, splits, folder):
        """Write some test texts with their classes."""
        folder.mkdir(exist_ok=True)
        tokens, labels = task.gather(splits.test, 10)
        lines = [
            f"{self.info.classes[label]}\t{self.decode(row)}\n"
            for row, label in zip(tokens, labels, strict=True)
        ]
        (folder / "texts.tsv").write_text("".join(lines), encoding="utf-8")

    def predict(self, model, inputs, folder):
        rows = []
        for text in inputs:
            logits = self.outputs(model, tf.constant(self.encode(text)[None]))
            rows.append({"input": text, **self._answer(tf.nn.softmax(logits[0]).numpy())})
        return rows

    def encode(self, text: str) -> np.ndarray:
        """Return the tokens of a text; 1 replaces words that are not in the vocabulary."""
        words = texts.words_of(text)
        if not words:
            raise errors.InvalidInput("input", "a text of at least one word", repr(text))
        return texts.encoded([words], self.info.vocabulary or ())[0]

    def decode(self, tokens: np.ndarray) -> str:
        """Return the words of some tokens, without padding."""
        vocabulary = self.info.vocabulary or ()
        return " ".join(vocabulary[token] for token in tokens if token)

    def explain(self, model, inputs):
        return task.Task.explain(self, model, inputs)
