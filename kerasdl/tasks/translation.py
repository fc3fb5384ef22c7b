"""Translation: from one sequence of characters to another."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.models.sequence.generate import START
from kerasdl.tasks import task

USAGE = """\
The inputs are the source and the target so far, `int32` numbers in the vocabulary of `result.json`,
padded with 0; a target starts with 1. The output holds the logits of the token that follows each
position of the target.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
(source, delayed), target = next(kerasdl.data.load("{data}").test.as_numpy_iterator())
logits = model.predict((source[:5], delayed[:5]))
print((logits.argmax(-1) == target[:5]).mean())
```
"""


class Translation(task.Task):
    """Learn to translate sequences from pairs of source and target.

    In training the decoder reads the true target, delayed by one (teacher forcing). Evaluation
    generates the whole target from the source alone: `exact` is the fraction without any mistake.
    """

    title = "translation"
    kinds = ("translation",)
    metrics = (
        task.Metric("exact", "max", "fraction of generated targets without any mistake"),
        task.Metric(
            "token_accuracy", "max", "fraction of correct tokens, given the true ones before"
        ),
        task.Metric("nats", "min", "cross-entropy of a token, given the true ones before, in nats"),
    )
    criterion = task.Criterion(
        "token_accuracy",
        "at most 0.005 less accuracy per token than the float file",
        lambda file, whole: file >= whole - 0.005,
    )
    takes_files = False
    usage = USAGE
    keras_usage = "model.summary()"

    def check_data(self):
        self.require("vocabulary")

    def model_options(self):
        return {"vocabulary_size": len(self.info.vocabulary)}

    def check_model(self, model):
        if len(model.inputs) != 2:
            expected = "a network of a sequence and its translation so far"
            raise errors.InvalidInput(f"model for {self.title}", expected, model.name)

    def compile(self, model, optimizer, **settings):
        task.compile_and_build(
            model,
            optimizer(global_clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")],
            **settings,
        )

    def evaluate(self, model, dataset):
        (source, _), target = _arrays(dataset)
        generated = model.generate(source, target.shape[1])
        nats, accuracy = model.evaluate(dataset, verbose=0)
        exact = (generated == target).all(axis=1).mean()
        return {"exact": float(exact), "token_accuracy": float(accuracy), "nats": float(nats)}

    def figures(self, model, splits, history):
        def attention():
            (source, delayed), target = _arrays(splits.test, 1)
            weights = model.attention(source, delayed)[0]
            rows, columns = int((target[0] > 0).sum()), int((source[0] > 0).sum())
            labels = [self._characters(part) for part in (target[0][:rows], source[0][:columns])]
            return explain.attention(weights[None, :rows, :columns], *labels)

        return {"curves": lambda: explain.curves(history), "attention": attention}

    def write_examples(self, model, splits, folder):
        """Write some test sources with the model's translations."""
        folder.mkdir(exist_ok=True)
        (source, _), target = _arrays(splits.test, 10)
        generated = model.generate(source, target.shape[1])
        lines = [
            f"{self.decode(s)}\t{self.decode(t)}\n" for s, t in zip(source, generated, strict=True)
        ]
        (folder / "translations.tsv").write_text("".join(lines), encoding="utf-8")

    def predict(self, model, inputs, folder):
        source_length, target_length = (shape[0] for shape in self.info.shape)
        sources = np.stack([self.encode(text, source_length) for text in inputs])
        generated = model.generate(sources, target_length)
        rows = zip(inputs, generated, strict=True)
        return [{"input": text, "translation": self.decode(tokens)} for text, tokens in rows]

    def exports(self, model, splits):
        (source, delayed), _ = _arrays(splits.test, 64)
        return {"model": task.Export(model, (source, delayed))}

    def measure(self, parts, model, splits):
        inputs, target = _arrays(splits.test)
        logits = parts["model"](inputs)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits).numpy()
        accuracy = (logits.argmax(-1) == target).mean()
        return {"token_accuracy": float(accuracy), "nats": float(losses.mean(dtype="float64"))}

    def encode(self, text: str, length: int) -> np.ndarray:
        """Return the tokens of a text, padded with 0 to a length."""
        vocabulary = self.info.vocabulary or ()
        numbers = {token: number for number, token in enumerate(vocabulary)}
        unknown = [character for character in text if character not in numbers]
        if unknown or not text or len(text) > length:
            known = "".join(vocabulary[START + 1 :])
            expected = f"1 to {length} characters out of {known!r}"
            raise errors.InvalidInput("input", expected, repr(text))
        return np.array([numbers[c] for c in text] + [0] * (length - len(text)), "int32")

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of some tokens, up to the first 0."""
        return "".join(self._characters(tokens))

    def _characters(self, tokens):
        end = np.flatnonzero(np.asarray(tokens) == 0)
        return [self.info.vocabulary[t] for t in tokens[: end[0] if len(end) else None]]


def _arrays(dataset, count=None):
    """Return ((source, delayed target), target) of the first `count` examples, or of all."""
    batches, seen = [], 0
    for batch in dataset.as_numpy_iterator():
        batches.append(batch)
        seen += len(batch[1])
        if count and seen >= count:
            break
    source = np.concatenate([inputs[0] for inputs, _ in batches])[:count]
    delayed = np.concatenate([inputs[1] for inputs, _ in batches])[:count]
    return (source, delayed), np.concatenate([target for _, target in batches])[:count]
