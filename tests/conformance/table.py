"""The matrix as a page: a table for each kind, then what the columns and the numbers mean."""

import datetime
import importlib.metadata
import platform

from tests.conformance.declared import SUBJECTS
from tests.conformance.properties import PROPERTIES

INTRODUCTION = """\
# Conformance

Every layer, network and learner is declared once in `tests/conformance/`, and every property below
is tested for all of them. `make test` tests what is fast. What trains, compiles with XLA or starts
processes is tested by `make test-slow`, on each commit for a third of the subjects: jit, two
replicas, two workers, int8, ONNX, seed, reference, fresh process, and for networks and learners
also "learns". `make conformance` tests everything and writes this page from what was measured, here
on {date} on Python {python} with TensorFlow {tensorflow} and Keras {keras}; nobody edits it.

A "no" is tested too: it must fail with the same error or number as before. Rows are small: some
declarations have fewer layers and channels than the registered name, and no dropout where a
comparison needs results without chance."""

MEANINGS = {
    "round trip": "a configuration without default values and a `.keras` file come back, "
    "bit-equal; layers inside that are frozen stay frozen",
    "fresh process": "a process that only imports kerasdl reads the file, bit-equal",
    "load_weights": "a new object with loaded weights gives the same outputs",
    "gradients": "every trainable weight receives a finite gradient",
    "shapes": "symbolic shape = eager shape, for two sizes of the input",
    "bfloat16": "`mixed_bfloat16` trains; largest difference from float32, of the largest output",
    "float16": "`mixed_float16` trains; likewise",
    "jit": "a training step under `jit_compile=True` gives the same losses, or finite ones where "
    "noise is drawn, which XLA draws differently",
    "learns": "a model overfits one batch, in so many steps; a layer's gradient is the slope of "
    "its outputs in float64: largest relative difference",
    "two replicas": "two devices give the losses, metrics and weights of one: largest difference "
    "of a weight; with equal halves of the batch where batch normalization is each replica's own",
    "two workers": "two processes, each with half of every batch, give those of one: likewise; "
    "batch normalization sees the whole batch (`distribute.synchronize`); the bar is 1e-05, "
    "or twice what turning the order of a batch round does to one process",
    "LiteRT": "built-in operators only, run by the LiteRT interpreter after one training step: "
    "largest error",
    "int8": "fraction of predictions that the int8 file has in common with Keras; without classes "
    "its largest error, of the largest output",
    "ONNX": "standard operators only, any batch size, run by onnxruntime: largest error",
    "seed": "the same seed gives the same weights after training, bit by bit",
    "counts": "how many variants have exactly the published number of trainable parameters",
    "reference": "whole networks of other libraries with the same weights: largest difference of a "
    "logit or of a feature map at any stride",
}


def page(measured):
    """The page's text; `measured` maps (subject, property) to a cell."""
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
