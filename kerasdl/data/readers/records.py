"""TFRecord files of the user's, with `features.json` beside them."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import bad_examples, splitting, tfrecord
from kerasdl.data.records import Feature, Files, Records
from kerasdl.data.splits import Source
from kerasdl.data.writing import FEATURES

SPLITS = ("train", "validation", "test")
CHUNK = 1024


def read(
    path,
    seed,
    image_size=None,
    validation=0.1,
    test=0.1,
    memory=2**30,
    skip_bad=False,
    whole_files=False,
) -> Source:
    """TFRecord files of the user's, as `kerasdl.data.write_records` writes them, or others'.

    A folder of .tfrecord files or one such file. What the name begins with is the split: train,
    validation or test; what is missing of the last two is cut from the first. `features.json`
    beside them says of each part of an example which feature it is, its shape, dtype and encoding.

    validation, test: Shares of the records, drawn by the seed, if they are needed.
    memory: Bytes up to which the decoded examples stay in memory; beyond, every epoch reads and
        decodes them.
    skip_bad: Leave out damaged records and labels that are none of the classes; this reads all.
    """
    folder, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    files = sorted(folder.glob("*.tfrecord")) if folder.is_dir() else [folder]
    known = _known((folder if folder.is_dir() else folder.parent) / FEATURES)
    features = _features(known, image_size)
    classes = known["classes"] and tuple(known["classes"])
    places = {split: [] for split in SPLITS}
    whole = []
    for number, file in enumerate(files):
        split = next((s for s in SPLITS if file.name.startswith(s)), "train")
        expected = known.get("counts", {}).get(file.name)
        if whole_files and split == "train":
            whole.append((str(file), expected))
            continue
        places[split].append(_places(number, file, expected, inspection))
    inspection.check()
    parts = {
        split: Records(features, tuple(map(str, files)), np.concatenate(found))
        for split, found in places.items()
        if found
    }
    total = sum(map(len, parts.values())) + len(inspection.found)
    if whole_files:
        parts = {"train": _whole(folder, features, whole), "validation": [], **parts}
        parts.setdefault("test", [])
    else:
        parts = _three(folder, parts, seed, validation, test)
    leaves = tf.nest.flatten(features)
    size = sum(int(np.prod(leaf.shape)) * np.dtype(leaf.dtype).itemsize for leaf in leaves)
    keep = total * size <= memory
    for split, part in parts.items():
        if len(part) and isinstance(part, Records) and (keep or skip_bad):
            good, arrays = _inspected(part, classes, inspection, keep)
            inspection.check()
            parts[split] = arrays if keep and len(good) else part[good]
    skipped = inspection.done(total, f"data `{path}`")
    parts = {split: part if splitting.count(part) else None for split, part in parts.items()}
    if not parts["train"] or not parts["test"]:
        expected = "enough records to train and to test"
        raise errors.InvalidInput(f"data `{path}`", expected, f"{total} records")
    return Source(
        known["task"],
        **parts,
        classes=classes,
        vocabulary=known.get("vocabulary") and tuple(known["vocabulary"]),
        target_scale=known.get("target_scale") and tuple(known["target_scale"]),
        skipped=skipped,
    )


def _known(path):
    expected = "a JSON file beside the records that says what they hold: see write_records"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {"task": "classification", "classes": None} | known
    except (OSError, ValueError, TypeError) as error:
        raise errors.InvalidInput(f"file `{path}`", expected, error) from None


def _features(known, image_size):
    def feature(leaf):
        return Feature(leaf["feature"], leaf["shape"], leaf["dtype"], leaf.get("encoding", "raw"))

    def nested(value):
        if isinstance(value, dict) and "feature" in value:
            return feature(value)
        if isinstance(value, dict):
            return {name: nested(part) for name, part in value.items()}
        return tuple(map(nested, value))

    try:
        inputs, targets = nested(known["inputs"]), nested(known["targets"])
    except (KeyError, TypeError) as error:
        expected = "inputs and targets, each a feature with its shape, dtype and encoding"
        raise errors.InvalidInput(f"`{FEATURES}`", expected, repr(error)) from None
    if image_size and isinstance(inputs, Feature) and len(inputs.stored) == 3:
        inputs = Feature(
            inputs.name, inputs.stored, inputs.dtype, inputs.encoding, tuple(image_size)
        )
    return inputs, targets


def _places(number, file, expected, inspection):
    starts, lengths, fault = tfrecord.index(file)
    if fault or len(starts) < (expected or 0):
        end = int(starts[-1] + lengths[-1]) + tfrecord.FRAME if len(starts) else 0
        received = fault or "the file's end"
        tfrecord.note(inspection, file, len(starts), end, received, expected)
    records = np.arange(len(starts))
    return np.stack([np.full(len(starts), number), records, starts, lengths], axis=1)


def _three(folder, parts, seed, validation, test):
    if "train" not in parts:
        expected = "records to train on, in files train-*.tfrecord"
        raise errors.InvalidInput(f"data `{folder}`", expected, list(parts) or "none")
    shares = (0 if "validation" in parts else validation, 0 if "test" in parts else test)
    rows = splitting.rows_of_splits(np.zeros(len(parts["train"])), seed, *shares)
    cut = {split: parts["train"][part] for split, part in zip(SPLITS, rows, strict=True)}
    return cut | {split: parts[split] for split in SPLITS[1:] if split in parts}


def _whole(folder, features, files):
    missing = [file for file, length in files if not isinstance(length, int) or length < 1]
    if missing or not files:
        expected = f"files train-*.tfrecord, and for each its number of records in `{FEATURES}`"
        received = f"none for `{missing[0]}`" if missing else "no such file"
        raise errors.InvalidInput(f"data `{folder}` to share by file", expected, received)
    names, lengths = zip(*files, strict=True)
    return Files(features, names, lengths)


def _inspected(records, classes, inspection, keep):
    """Which rows are good, and their arrays or `None`; the others are noted."""
    good, parts = [], []
    for rows in np.array_split(np.arange(len(records)), -(-len(records) // CHUNK)):
        data, whole = records.inspect(rows)
        for row in rows[~whole]:
            _note(inspection, records, row, "damaged record", *records.damage(row)[1:])
        rows, data = rows[whole], np.array(data, dtype=object)[whole]
        if not len(rows):
            continue
        right = _right(records, data)
        names = ", ".join(leaf.name for leaf in tf.nest.flatten(records.features))
        for row in rows[~right]:
            expected = f"an Example with {names} as `{FEATURES}` has them"
            _note(inspection, records, row, "other features", expected, "another record")
        arrays = tf.nest.map_structure(lambda part: part.numpy(), records.parse(data[right]))
        rows = rows[right]
        known = np.full(len(rows), True)
        if classes and isinstance(arrays[1], np.ndarray) and arrays[1].ndim == 1:
            known = (arrays[1] >= 0) & (arrays[1] < len(classes))
            expected = f"a class from 0 to {len(classes) - 1}"
            for row, label in zip(rows[~known], arrays[1][~known], strict=True):
                _note(inspection, records, row, "label out of range", expected, int(label))
        good.append(rows[known])
        if keep:
            parts.append(splitting.take(arrays, known))
    good = np.concatenate(good) if good else np.zeros(0, int)
    if not (keep and parts):
        return good, None
    return good, tf.nest.map_structure(lambda *chunks: np.concatenate(chunks), *parts)


def _note(inspection, records, row, reason, expected, received):
    file, record, _, _ = records.places[row].tolist()
    place = f"{records.files[file]} record {record}"
    subject = records.damage(row)[0]
    inspection.bad((records.files[file], record), place, reason, subject, expected, received)


def _right(records, data):
    """Which of the data are examples of the features; nearly always all."""
    if _fits(records, data):
        return np.full(len(data), True)
    return np.array([_fits(records, data[i : i + 1]) for i in range(len(data))])


def _fits(records, data):
    try:
        records.parse(data)
    except tf.errors.OpError:
        return False
    return True
