"""The properties: each checks a subject and returns what it measured."""

import functools

from tests.conformance import counting, exporting, learning, references, running, saving

PROPERTIES = {
    "round trip": saving.round_trip,
    "fresh process": saving.fresh,
    "load_weights": saving.load_weights,
    "gradients": learning.gradients,
    "shapes": running.shapes,
    "bfloat16": functools.partial(running.precision, "mixed_bfloat16"),
    "float16": functools.partial(running.precision, "mixed_float16"),
    "jit": running.jit,
    "learns": learning.learns,
    "two replicas": learning.replicas,
    "two workers": learning.workers,
    "LiteRT": exporting.litert,
    "int8": exporting.int8,
    "ONNX": exporting.onnx,
    "seed": learning.seed,
    "counts": counting.counts,
    "reference": references.references,
}
