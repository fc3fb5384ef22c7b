"""Writes any data set as TFRecord files, which several workers can read in parts."""

import contextlib
import json
import os
import pathlib

import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import splitting
from kerasdl.data.records import Feature
from kerasdl.data.splits import Splits

FEATURES = "features.json"


def write_records(
    source: Splits | dict,
    folder: str | pathlib.Path,
    *,
    shards: int = 4,
    encoding: str = "raw",
    task: str = "classification",
    classes: tuple | None = None,
) -> list[pathlib.Path]:
    """Write TFRecord files that `kerasdl.data.load(folder)` reads.

    Files are `train-00000-of-00004.tfrecord` and so on, each written beside its name and then
    renamed; `features.json`, the last, says what is in them. Examples go to the files in turn.

    Args:
        source: What `load` gave, neither shared nor augmented; or arrays: {"train": (inputs,
            targets), "test": ...}.
        folder: Where to write; an older set there is overwritten.
        shards: Files of each split; with `shard="file"`, at least as many as replicas.
        encoding: "raw", exact; or "png" for images, in [0, 1] or bytes: smaller, and 8 bits.
        task: Of arrays: see `kerasdl.data`.
        classes: Names of the classes, of arrays.
    """
    splitting.check_integer("shards", shards, 1, "argument")
    errors.one_of("encoding of records", encoding, ("raw", "png"))
    known = {"task": task, "classes": classes}
    if isinstance(source, Splits):
        fields = ("task", "classes", "vocabulary", "target_scale")
        known = {field: getattr(source.info, field) for field in fields}
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts, structure = {}, None
    for split in ("train", "validation", "test"):
        examples = _examples(source, split)
        names = [f"{split}-{i:05}-of-{shards:05}.tfrecord" for i in range(shards)]
        with contextlib.ExitStack() as stack:
            writers = None
            for number, example in enumerate(examples):
                structure = structure or _structure(example, encoding)
                if writers is None:
                    paths = [str(folder / f"{name}.partial") for name in names]
                    writers = [stack.enter_context(tf.io.TFRecordWriter(path)) for path in paths]
                    counts |= dict.fromkeys(names, 0)
                writers[number % shards].write(_encoded(example, structure))
                counts[names[number % shards]] += 1
    for name in counts:
        os.replace(folder / f"{name}.partial", folder / name)
    inputs, targets = tf.nest.map_structure(Feature.described, structure)
    values = {**known, "inputs": inputs, "targets": targets, "counts": counts}
    partial = folder / f"{FEATURES}.partial"
    partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, folder / FEATURES)
    return [folder / name for name in counts]


def _examples(source, split):
    if isinstance(source, Splits):
        dataset, epoch = getattr(source, split), int(source.epoch)
        if dataset is not None:
            yield from dataset.unbatch().as_numpy_iterator()
        source.epoch.assign(epoch)  # as if nobody had looked
    elif source.get(split):
        part = source[split]
        for row in range(splitting.count(part)):
            yield splitting.take(part, row)


def _structure(example, encoding):
    """What each part of an example is, nested as the parts are."""

    def described(name, value):
        if isinstance(value, dict):
            return {key: described(f"{name}/{key}", part) for key, part in value.items()}
        if isinstance(value, tuple):
            return tuple(described(f"{name}/{i}", part) for i, part in enumerate(value))
        value = np.asarray(value)
        if encoding == "png" and value.ndim == 3 and name == "inputs":
            return Feature(name, value.shape, "uint8", "image")
        return Feature(name, value.shape, value.dtype.name)

    return tuple(map(described, ("inputs", "targets"), example))


def _encoded(example, structure):
    features = {}
    parts = tf.nest.flatten(example)
    for value, leaf in zip(parts, tf.nest.flatten(structure), strict=True):
        value = np.asarray(value)
        if value.shape != leaf.stored:
            expected = f"shape {leaf.stored} for `{leaf.name}`, as the first example has"
            raise errors.InvalidInput("example to write", expected, value.shape)
        if leaf.encoding == "image":
            pixels = value if value.dtype == np.uint8 else np.round(255 * value).astype("uint8")
            data = tf.io.encode_png(pixels).numpy()
        else:
            data = np.ascontiguousarray(value.astype(leaf.dtype)).tobytes()
        features[leaf.name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
