"""Cards of LiteRT files: what a file holds, how its input is made, and a script that runs it.

The script needs `ai-edge-litert` and NumPy only, so that it can be moved to a device or be written
again in another language.
"""

import collections
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np

from kerasdl.export import flatbuffer
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.utils import plain_text

HEAD = """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter

path = {path}
interpreter = Interpreter(path)
run = interpreter.get_signature_runner()
inputs = {{}}
"""
QUANTIZE = """\
inputs[{name}] = np.round(inputs[{name}] / np.float32({scale:.9g})) {zero}
inputs[{name}] = np.clip(inputs[{name}], {low}, {high}).astype("{dtype}")
"""
DEQUANTIZE = """\
outputs[{name}] = np.float32({scale:.9g}) * (outputs[{name}].astype("float32") {zero})
"""
LABELS = """\
labels = zipfile.ZipFile(path).read("labels.txt").decode().splitlines()
print(labels[{choice}])
"""
TEXT = """\
lines = zipfile.ZipFile(path).read("vocabulary.txt").decode().split("\\n")
breaks = {{"\\\\n": "\\n", "\\\\r": "\\r", "\\\\\\\\": "\\\\"}}
lines = [re.sub(r"\\\\[\\\\nr]", lambda found: breaks[found[0]], line) for line in lines]
numbers = {{token: number for number, token in enumerate(lines)}}
text = {text}  # replace this text
found = [numbers.get(token, 0) for token in {parts}][:{length}]
tokens = np.zeros({length}, "{dtype}")
tokens[: len(found)] = found
"""
TABLE = """\
mean = np.array({means})
deviation = np.array({deviations})
row = mean  # replace these means by the numbers of a row, in the order of the table
values = ((row - mean) / deviation).astype("float32")
"""
WORDS = r're.findall(r"\w+|[^\w\s]|\n *| {2,}", text)'
PROBABILITIES = ("softmax", "sigmoid")


def card(
    file: LiteRTModel,
    facts: Mapping[str, object] | None = None,
    *,
    columns: Sequence[tuple[str, float, float]] = (),
    target_scale: tuple[float, float] | None = None,
) -> str:
    """Return the card of a LiteRT file in Markdown.

    Args:
        file: The file.
        facts: Further facts by name, such as the accuracy.
        columns: For a model of a table, the name, mean and standard deviation of each number of
            its input.
        target_scale: Mean and standard deviation of the quantity that the output predicts, if it
            was standardized for training.
    """
    lines = [f"# {plain_text.for_markdown(file.path.name)}", ""]
    if file.description:
        lines += [f"{plain_text.for_markdown(file.description)}.", ""]
    sizes = f"{file.size / 1e3:,.1f} kB, {file.zipped_size / 1e3:,.1f} kB zipped"
    shown = {"size": sizes, "weights": weights(file), **(facts or {})}
    lines += [f"- {name}: {_shown(value)}" for name, value in shown.items() if value is not None]
    return "\n".join([*lines, "", usage(file, columns=columns, target_scale=target_scale)])


def weights(file: LiteRTModel) -> str:
    """Return how the weights of a file are stored: "int8 in 3 of 4 tensors, float32 in 1"."""
    counts: collections.Counter[str] = collections.Counter()
    sizes: collections.Counter[str] = collections.Counter()
    for kind, size in flatbuffer.weights(file.path.read_bytes()):
        counts[kind] += 1
        sizes[kind] += size
    if not counts:
        return "none"
    parts = [f"{kind.lower()} in {counts[kind]:,}" for kind, _ in sizes.most_common()]
    total = counts.total()
    parts[0] += f" of {total:,} tensor{'s' * (total > 1)}"
    return ", ".join(parts)


def usage(
    file: LiteRTModel,
    path: str | None = None,
    *,
    columns: Sequence[tuple[str, float, float]] = (),
    target_scale: tuple[float, float] | None = None,
) -> str:
    """Return how to use a LiteRT file, in Markdown: inputs, outputs, and a script.

    Args:
        file: The file.
        path: str, its path in the script; by default its name.
        columns, target_scale: As in `card`.
    """
    parts = [
        _input(file, name, shape, dtype, columns) for name, (shape, dtype) in file.inputs.items()
    ]
    code = "".join(lines for _, lines in parts) + "outputs = run(**inputs)\n"
    words = ["## Input", *(text for text, _ in parts)]
    parts = [
        _output(file, name, shape, dtype, target_scale)
        for name, (shape, dtype) in file.outputs.items()
    ]
    code += "".join(lines for _, lines in parts)
    modules = "".join(f"import {name}\n" for name in ("re", "zipfile") if f"{name}." in code)
    head = HEAD.format(path=_quoted(path or file.path.name))
    script = f"```python\n{modules}{modules and chr(10)}{head}{code}```"
    needs = "This script needs only `pip install ai-edge-litert numpy`:"
    words += ["## Output", *(text for text, _ in parts), "## Use", needs, script]
    return "\n\n".join(words) + "\n"


def _input(file, name, shape, dtype, columns):
    """Return what an input is in words, and the lines that make it."""
    limits = file.metadata.input_range
    batch, sizes = max(1, shape[0]), tuple(max(1, size) for size in shape[1:])
    table = ""
    if limits and len(sizes) == 3 and sizes[-1] in (1, 3):
        text, code, value = _image(sizes, limits)
    elif columns and len(columns) == math.prod(sizes):
        text, code, value = _row(columns)
        table = "".join(
            f"\n| {plain_text.for_markdown(title)} | {mean:.9g} | {deviation:.9g} |"
            for title, mean, deviation in columns
        )
        table = f"\n\n| number | mean | deviation |\n| --- | --- | --- |{table}"
    elif file.metadata.vocabulary and len(sizes) == 1 and dtype.kind in "iu":
        text, code, value = _text(file.metadata.vocabulary, sizes[0], dtype)
    else:
        is_token = dtype.kind in "iu" and name not in file.input_scales
        kind = dtype if is_token else "float32"
        text, value = f"{'integers' if is_token else 'numbers'} as in training", "values"
        code = f'values = np.zeros({sizes}, "{kind}")  # replace these zeros\n'
    whole = f"{value}[None]" if batch == 1 else f"np.stack([{value}] * {batch})"
    code += f"inputs[{_quoted(name)}] = {whole}\n"
    if name in file.input_scales:
        scale, zero = file.input_scales[name]
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        text += f". The file takes round(x / {scale:.9g}) {_signed(zero)}, from {low} to {high}"
        options = {"low": low, "high": high, "dtype": dtype}
        code += QUANTIZE.format(name=_quoted(name), scale=scale, zero=_signed(zero), **options)
    return f"- `{name}`, {dtype} of shape {tuple(shape)}: {text}.{table}", code


def _image(sizes, limits):
    height, width, channels = sizes
    low, high = limits
    factor = (high - low) / 255
    scaled = "x" if factor == 1 else "x / 255" if factor == 1 / 255 else f"x * {factor:.9g}"
    scaled += f" + {low:g}" if low > 0 else f" - {-low:g}" if low else ""
    text = (
        f"{'an RGB' if channels == 3 else 'a gray'} image, {height} pixels high and {width} wide, "
        f"whose bytes become {scaled}, from {low:g} to {high:g}. Resize another image first, as "
        f"Pillow's `image.resize(({width}, {height}), Image.BILINEAR)` does"
    )
    code = f'x = np.zeros({sizes}, "uint8").astype("float32")  # replace these zeros by bytes\n'
    return text, f"{code}image = {scaled}\n", "image"


def _row(columns):
    text = (
        "the numbers of this table, in its order, each as (x - mean) / deviation; the mean stands "
        "for an unknown number"
    )
    means, deviations = (
        f"[{', '.join(f'{column[place]:.9g}' for column in columns)}]" for place in (1, 2)
    )
    return text, TABLE.format(means=means, deviations=deviations), "values"


def _text(vocabulary, length, dtype):
    is_words = max(map(len, vocabulary[2:]), default=1) > 1
    text = (
        f"a text of at most {length} {'words' if is_words else 'characters'}, each as its line in "
        "the file's `vocabulary.txt`, counted from 0; 0 stands for others and fills the rest"
    )
    options = {"parts": WORDS if is_words else "text", "length": length, "dtype": dtype}
    code = TEXT.format(text=_quoted((" " * is_words).join(vocabulary[2:6])), **options)
    return text, code, "tokens"


def _output(file, name, shape, dtype, target_scale):
    """Return what an output is in words, and the lines that show it."""
    labels, given = file.labels, file.metadata.activation in PROBABILITIES
    kind, value, code = "probability" if given else "logit", f"outputs[{_quoted(name)}]", ""
    text, shown = "numbers as in training", f"print({value})\n"
    if labels and len(shape) == 2 and shape[-1] == len(labels):
        text = f"the {kind} of each class in the file's `labels.txt`; the largest is the answer"
        shown += LABELS.format(choice=f"{value}[0].argmax()")
    elif len(labels) == 2 and len(shape) == 2 and shape[-1] == 1:
        middle = 0.5 if given else 0
        text = f"the {kind} of the second class in the file's `labels.txt`, above {middle} if so"
        shown += LABELS.format(choice=f"int({value}[0, 0] > {middle})")
    elif target_scale and math.prod(shape[1:]) == 1:
        mean, deviation = target_scale
        found = f"* {deviation:.9g} {_signed(mean)}"
        text, shown = f"the prediction is output {found}", f"print({value} {found})\n"
    if name in file.output_scales:
        scale, zero = file.output_scales[name]
        text += f". The file gives integers q: {scale:.9g} * (q {_signed(-zero)})"
        code = DEQUANTIZE.format(name=_quoted(name), scale=scale, zero=_signed(-zero))
    return f"- `{name}`, {dtype} of shape {tuple(shape)}: {text}.", code + shown


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)  # between double quotes, as in this package


def _signed(number):
    return f"{'-' if number < 0 else '+'} {abs(number):.9g}"


def _shown(value):
    return f"{value:.4g}" if isinstance(value, float) else plain_text.for_markdown(value)
