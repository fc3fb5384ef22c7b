"""Language modeling: predict the next character or word of a text."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.data import text as texts
from kerasdl.tasks import task

USAGE = """\
The input is a window of 128 characters as their numbers in the vocabulary of `result.json`, `int32`
of shape (1, 128). The output holds, for each character, the logits of the one that follows it. A
shorter text stands at the start of the window: what follows a character does not change its output.

```python
import json
import pathlib

import kerasdl
import numpy as np

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
result = json.loads(pathlib.Path("{folder}/result.json").read_text(encoding="utf-8"))
vocabulary = result["info"]["vocabulary"]
text = "The for statement"
while len(text) < 80:
    window = np.zeros((1, 128), "int32")
    window[0, : len(text)] = [vocabulary.index(character) for character in text]
    logits = model.predict(window)[0, len(text) - 1]
    text += vocabulary[logits.argmax()]
print(text)
```
"""
KERAS_USAGE = """\
# model.generate([50, 60, 70], 200, temperature=0.7) continues three tokens
probabilities = keras.ops.softmax(model(keras.ops.array([[50, 60, 70]])))"""

CONTINUED = 200  # tokens that follow a prompt
WAY: dict = {"temperature": 0.7, "seed": 0}


class LanguageModeling(task.Task):
    """Learn to predict each token of a text from those before it."""

    title = "language modeling"
    kinds = ("text",)
    metrics = (
        task.Metric("nats", "min", "cross-entropy of a token, in nats"),
        task.Metric("bits", "min", "the same in bits"),
    )
    criterion = task.Criterion(
        "nats",
        "at most 0.5 % more nats per token than the float file",
        lambda file, whole: file <= 1.005 * whole,
    )
    takes_files = False
    streams = True
    usage = USAGE
    keras_usage = KERAS_USAGE

    def check_data(self):
        self.require("vocabulary")

    def model_options(self):
        return {"vocabulary_size": len(self.info.vocabulary), "context": self.info.shape[0]}

    def compile(self, model, optimizer, **settings):
        adamw = optimizer(beta_2=0.95, global_clipnorm=1.0)
        # weight decay applies only to matrices of linear maps, not to offsets and embeddings
        others = ["bias", "gamma", "beta", "scale", "embedding"]
        adamw.exclude_from_weight_decay(var_names=others)
        task.compile_and_build(
            model,
            adamw,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            **settings,
        )

    def evaluate(self, model, dataset):
        nats = model.evaluate(dataset, verbose=0)
        return {"nats": float(nats), "bits": float(nats / np.log(2))}

    def figures(self, model, splits, history):
        return {"curves": lambda: explain.curves(history)}

    def write_examples(self, model, splits, folder):
        """Write the model's continuation of the start of the test text."""
        folder.mkdir(exist_ok=True)
        prompt = task.gather(splits.test, 1)[0][0][: self.info.shape[0] // 2]
        written = self.decode(_continue(model, prompt))
        (folder / "sample.txt").write_text(written + "\n", encoding="utf-8")

    def predict(self, model, inputs, folder):
        rows = []
        for prompt in inputs:
            written = _continue(model, self._prompt(prompt))
            rows.append({"input": prompt, "text": self.decode(written)})
        return rows

    def stream(self, model, prompt):
        """Yield what `predict` answers to a prompt, in pieces as they are written."""
        tokens = self._prompt(prompt)
        yield self.decode(tokens)
        between = " " if self._of_words else ""
        for token in model.stream(tokens, CONTINUED, **WAY):
            yield between + self.decode([token])

    def _prompt(self, text):
        if not text:
            expected = "a prompt of at least one character"
            raise errors.InvalidInput("input", expected, repr(text))
        return self.encode(text)

    def exports(self, model, splits):
        inputs, _ = task.gather(splits.test, 64)
        return {"model": task.Export(model, inputs)}

    def measure(self, parts, model, splits):
        windows, targets = task.gather(splits.test)
        logits = parts["model"](windows)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return {"nats": float(np.mean(losses.numpy(), dtype="float64"))}

    @property
    def _of_words(self):
        return max(map(len, self.info.vocabulary[1:])) > 1

    def encode(self, text: str) -> np.ndarray:
        """Return the tokens of a text; token 0 replaces what is not in the vocabulary."""
        numbers = {token: number for number, token in enumerate(self.info.vocabulary or ())}
        parts = texts.SPLITTERS["words" if self._of_words else "characters"](text)
        return np.array([numbers.get(part, 0) for part in parts], "int32")

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of some tokens."""
        between = " " if self._of_words else ""
        vocabulary = self.info.vocabulary or ()
        return between.join(vocabulary[token] for token in tokens)


def _continue(model, prompt):
    return model.generate(prompt, CONTINUED, **WAY)
