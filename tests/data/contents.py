"""Numbers that stand for the contents of the embedded datasets.

Recorded results depend on these contents, so they must stay the same. `python -m
tests.data.contents` writes `contents.json` anew, after a change that is meant.
"""

import json
import pathlib

import numpy as np

from kerasdl.data import catalog

FILE = pathlib.Path(__file__).with_name("contents.json")
# datasets with options, among them others than the defaults
CASES = (
    ("adding", {"count": 200, "steps": 9}),
    ("breast_cancer", {}),
    ("copy", {"count": 60, "delay": 4, "length": 3, "symbols": 5}),
    ("dates", {"count": 100}),
    ("dates", {"count": 100, "first": 1990, "last": 1999}),
    ("diabetes", {}),
    ("digits", {}),
    ("digits", {"split": "1437", "validation": 0.2}),
    ("entities", {"count": 100}),
    ("grid", {"count": 100, "side": 3, "deviation": 0.1}),
    ("iris", {"validation": 0.2, "test": 0.3}),
    ("liaisons", {"count": 100, "longest": 7}),
    ("mnist", {}),
    ("moons", {"count": 100, "noise": 0.1}),
    ("reviews", {"count": 100}),
    ("ring", {"count": 100, "modes": 5, "radius": 2.0}),
    ("seasons", {"count": 600, "horizon": 3, "window": 8, "noise": 2.0}),
    ("shapes", {"count": 40, "image_size": 24}),
    ("shapes", {"count": 40, "image_size": (20, 32), "elements": "boxes,class", "objects": 3}),
    ("shapes", {"count": 40, "image_size": 24, "elements": "mask", "objects": 2, "clutter": 2}),
    ("shapes", {"count": 40, "image_size": 24, "elements": "caption", "objects": 2}),
    ("shapes", {"count": 40, "image_size": 24, "elements": "count", "objects": 4, "noise": 0.1}),
    ("sine", {"count": 300, "window": 8, "horizon": 2}),
    ("stories", {"count": 100, "context": 30}),
    ("sums", {"count": 100}),
    ("sums", {"count": 100, "digits": 3, "reverse": True}),
    ("swiss_roll", {"count": 100}),
    ("tones", {"count": 100, "steps": 64}),
    ("tones", {"count": 100, "steps": 64, "target": "waveform", "noise": 0.2}),
    ("wine", {}),
)


def defaults() -> dict:
    """Return the options of each dataset with their default values."""
    return json.loads(json.dumps({name: catalog.options(name) for name in catalog.names()}))


def numbers(name: str, options: dict) -> dict:
    """Return facts of a dataset, and for each array of its splits type, shape and two sums."""
    source = catalog.find(name)(3, **options)
    facts = {
        "task": source.task,
        "classes": source.classes and list(source.classes),
        "vocabulary": source.vocabulary and list(source.vocabulary),
        "target_scale": source.target_scale and [*map(_rounded_parts, source.target_scale)],
    }
    for split, part in source.splits().items():
        facts[split] = _summaries(part.arrays)
    return facts


def _summaries(arrays):
    if isinstance(arrays, dict):
        return {name: _summaries(array) for name, array in arrays.items()}
    if isinstance(arrays, tuple):
        return [_summaries(array) for array in arrays]
    values = arrays.astype("float64").ravel() / (255 if arrays.dtype == "uint8" else 1)
    weights = np.cos(np.arange(values.size))  # so that the order counts
    sums = [values.mean(), np.sum(weights * values) / np.sqrt(values.size)]
    return [arrays.dtype.name, list(arrays.shape), *map(_rounded, sums)]


def _rounded(number):
    return float(f"{number:.5g}")


def _rounded_parts(part):
    """Return a number, or the numbers of several targets, in five digits."""
    return [*map(_rounded, part)] if isinstance(part, tuple) else _rounded(part)


def main():
    found = [["", {}, defaults()]]
    found += [[name, options, numbers(name, options)] for name, options in CASES]
    lines = ",\n".join(json.dumps(row) for row in found)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
