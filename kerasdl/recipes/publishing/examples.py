"""How each kind of model is used: the cards' code, which the tests run as it stands there."""

KERAS = """\
In Keras, to go on training or to take apart:

```python
import keras
import {module}  # the class that the file names

model = keras.models.load_model("{folder}/model.keras")
{keras}
```
"""

SUPERVISED = """\
The input is `float32` of (1, 8, 8, 1), grey from 0, the paper, to 1, the ink; the output ten
logits, of which the largest is the answer, and softmax makes probabilities. `labels` names them.
`kerasdl demo {folder}` lets you draw a digit in the browser.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
images, labels = next(kerasdl.data.load("digits").test.as_numpy_iterator())
logits = model.predict(images)  # (64, 10)
answers = [model.labels[i] for i in logits.argmax(-1)]
print("".join(answers), "".join(map(str, labels)), sep="\\n")
```
"""

RECONSTRUCTION = """\
The encoder takes `float32` of (1, 8, 8, 1), grey from 0, the paper, to 1, the ink, and gives ten
means and ten log variances of a code; the decoder takes a code of ten numbers, such as the standard
normal distribution gives, and gives a picture in [0, 1].

```python
import kerasdl
import numpy as np

encoder = kerasdl.export.LiteRTModel("{folder}/encoder-{best}.tflite")
decoder = kerasdl.export.LiteRTModel("{folder}/decoder-{best}.tflite")
splits = kerasdl.data.load("digits", split="1437", validation=0)
images, labels = next(splits.test.as_numpy_iterator())
means, log_variances = np.split(encoder.predict(images), 2, axis=-1)
again = decoder.predict(means)  # (64, 8, 8, 1)
new = decoder.predict(np.random.default_rng(0).normal(size=(5, 10)).astype("float32"))
print("mean error of a pixel:", np.abs(again - images).mean())
```
"""

ADVERSARIAL = """\
The input is noise, `float32` of (1, 32), from the standard normal distribution; the output a
picture of (1, 8, 8, 1) in [-1, 1], of which -1 is paper and 1 is ink.

```python
import kerasdl
import numpy as np

generator = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
codes = np.random.default_rng(0).normal(size=(5, 32)).astype("float32")
images = (generator.predict(codes) + 1) / 2  # (5, 8, 8, 1)
for row in images[0, ..., 0]:
    print("".join(" .+#@"[round(4 * float(pixel))] for pixel in row))
```
"""

LANGUAGE = """\
The input is a window of 128 characters as their numbers in the vocabulary of `result.json`, `int32`
of (1, 128); the output the logits of the character that follows each. A shorter text stands at the
window's start: what is behind a character changes nothing before it.

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

EXAMPLES = {
    "supervised": (SUPERVISED, "model.summary()"),
    "reconstruction": (RECONSTRUCTION, "images = model.generate(5, seed=0)  # (5, 8, 8, 1)"),
    "adversarial": (ADVERSARIAL, "model.summary()  # noise in, pictures in [-1, 1] out"),
    "language": (
        LANGUAGE,
        "# model.generate([50, 60, 70], 200, temperature=0.7) writes on from three tokens\n"
        "probabilities = keras.ops.softmax(model(keras.ops.array([[50, 60, 70]])))",
    ),
}


def example(task: str, **names) -> str:
    """The text of a card's section, with its code."""
    text, keras = EXAMPLES[task]
    return f"{text}\n{KERAS}".replace("{keras}", keras).format(**names).strip()
