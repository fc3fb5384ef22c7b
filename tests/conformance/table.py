"""Write the matrix as a page: a table for each kind, then the meaning of its columns."""

import datetime
import importlib.metadata
import platform

from tests.conformance.declared import SUBJECTS
from tests.conformance.properties import PROPERTIES

INTRODUCTION = """\
# Conformance

Every layer, network and learner is declared once in `tests/conformance/`, and every property below
is tested for all of them. `make test` tests the fast properties. `make test-slow` tests those that
train, compile with XLA or start processes, on each commit for a fifth of the rows: jit, two
replicas, two workers, int8, ONNX, seed, reference, fresh process, and "learns" of networks and
learners. `make conformance` tests everything and writes this page, here on {date} with
Python {python}, TensorFlow {tensorflow} and Keras {keras}. Nobody edits it.

A "no" is tested too: it must fail with the error or number that is declared for it. To save time,
some rows have fewer layers and channels than the registered name; dropout is off where results are
compared."""

MEANINGS = {
    "round trip": "a configuration without default values and a `.keras` file are restored "
    "bit-equal; frozen layers stay frozen",
    "fresh process": "a process that only imports kerasdl loads the file, bit-equal",
    "load_weights": "a new object with loaded weights gives the same outputs",
    "gradients": "every trainable weight receives a finite gradient",
    "shapes": "symbolic shape = eager shape, for two sizes of the input",
    "bfloat16": "a training step in `mixed_bfloat16`; largest difference of an output from "
    "float32, relative to the largest output",
    "float16": "the same in `mixed_float16`",
    "jit": "a training step with `jit_compile=True` gives the same losses, or finite ones if the "
    "model draws random numbers, which XLA draws differently",
    "learns": "a model overfits one batch: number of steps; a layer's gradient equals a numeric "
    "one in float64: largest relative difference",
    "two replicas": "two devices give the losses, metrics and weights of one: largest difference "
    'of a weight, relative to the largest of its layer if that is above 1; "equal halves": both '
    "replicas get the same examples, because each normalizes its batch by itself; networks with "
    "batch normalization are compared in float64",
    "two workers": "two processes, each with half of every batch, give the losses, metrics and "
    "weights of one: largest difference of a weight, as for replicas; batch normalization is "
    "synchronized (`distribute.synchronize`)",
    "LiteRT": "built-in operators only, run by the LiteRT interpreter after one training step: "
    "largest error",
    "int8": "fraction of predicted classes that the int8 file has in common with Keras; without "
    "classes its largest error, relative to the largest output",
    "ONNX": "standard operators only, any batch size, run by onnxruntime: largest error",
    "seed": "the same seed gives bit-equal weights after training",
    "counts": "number of variants that have exactly the published number of trainable parameters",
    "reference": "outputs equal those of other libraries' networks with the same weights: largest "
    "difference of a logit or of a feature map at any stride",
}


def page(measured):
    """Return the text of the page; `measured` maps (subject, property) to a cell."""
    reasons = []
    versions = {name: importlib.metadata.version(name) for name in ("tensorflow", "keras")}
    parts = [
        INTRODUCTION.format(
            python=platform.python_version(), date=datetime.date.today(), **versions
        )
    ]
    for kind in ("layer", "network", "learner"):
        rows = [_row(s, measured, reasons) for s in SUBJECTS if s.kind == kind]
        head = [f"| {kind} | {' | '.join(PROPERTIES)} |", "|---" * (len(PROPERTIES) + 1) + "|"]
        parts.append("\n".join([f"## {kind.capitalize()}s\n", *head, *rows]))
    parts.append("\n".join(["## Reasons\n", *(f"{i}. {r}" for i, r in enumerate(reasons, 1))]))
    meanings = [f"- **{name}**: {MEANINGS[name]}." for name in PROPERTIES]
    parts.append("\n".join(["## Properties\n", *meanings]))
    return "\n\n".join(parts) + "\n"


def _row(subject, measured, reasons):
    cells = [_cell(subject, name, measured, reasons) for name in PROPERTIES]
    return f"| `{subject.name}` | {' | '.join(cells)} |"


def _cell(subject, name, measured, reasons):
    if name in subject.not_applicable:
        word, reason = "n/a", subject.not_applicable[name]
    else:
        word, _, reason = measured[subject.name, name].partition(": ")
    if not reason:
        return word
    if reason not in reasons:
        reasons.append(reason)
    return f"{word} ({reasons.index(reason) + 1})"
