"""TFRecord files: write any dataset as such files, and read them, described by `features.json`.

Each record is a `tf.train.Example`. `features.json` beside the files lists its features.
"""

import contextlib
import dataclasses
import functools
import json
import math
import pathlib
import re
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import bad_examples, images, kinds, splitting, tfrecord_format
from kerasdl.data.examples import Arrays, Examples, count, take
from kerasdl.data.splits import NAMES, Source, Splits
from kerasdl.utils import checks, files

FEATURES = "features.json"
# of a dataset, in `features.json`
FACTS = ("task", "classes", "vocabulary", "target_scale", "outputs")
ENCODINGS = ("raw", "values", "image")
DTYPES = (*kinds.INTEGERS, *kinds.FLOATS)
LARGEST = 2**26  # numbers of an example
MOST_DIMENSIONS = 8
CHUNK = 1024  # records that are read at once
CHUNK_BYTES = 2**28  # to which they may be decoded
OPEN = 64  # files that are open at once

# ---- features and examples


class Feature:
    """One feature of a `tf.train.Example`: an input or a target, or a part of it.

    Args:
        name: str, its name in the example.
        shape: Shape of the array.
        dtype: str, dtype of the array.
        encoding: "raw", the bytes of the array in little-endian order; "image", a JPEG, PNG, GIF
            or BMP file; or "values", a list of integers or floats.
        size: (height, width) to which an image is brought, or None.
    """

    def __init__(
        self,
        name: str,
        shape: tuple,
        dtype: str,
        encoding: str = "raw",
        size: tuple[int, int] | None = None,
    ):
        self.name, self.dtype, self.encoding = name, dtype, encoding
        self.size, self.stored = size, tuple(shape)
        self.shape = (*size, *self.stored[2:]) if size else self.stored

    def described(self) -> dict:
        """Return the feature in the form of `features.json`."""
        shape, dtype = list(self.stored), self.dtype
        return {"feature": self.name, "shape": shape, "dtype": dtype, "encoding": self.encoding}

    def in_example(self) -> tf.io.FixedLenFeature:
        """Return the feature in the form for `tf.io.parse_example`."""
        if self.encoding != "values":
            return tf.io.FixedLenFeature([], "string")
        kind = "float32" if self.dtype.startswith("float") else "int64"
        return tf.io.FixedLenFeature(self.stored, kind)

    def encode(self, value: np.ndarray) -> tf.train.Feature:
        """Encode one array, as "raw" or as a PNG image."""
        if value.shape != self.stored:
            expected = f"shape {self.stored} for `{self.name}`, as the first example has"
            raise errors.InvalidInput("example to write", expected, value.shape)
        if self.encoding == "image":
            pixels = value if value.dtype == np.uint8 else np.round(255 * value).astype("uint8")
            data = tf.io.encode_png(pixels).numpy()
        else:
            data = np.ascontiguousarray(value.astype(self.dtype)).tobytes()
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))

    def decode(self, values: tf.Tensor) -> tf.Tensor:
        """Decode a batch of encoded arrays."""
        if self.encoding == "image":
            decode = images.decoder(self.size or self.stored[:2], self.stored[-1])
            signature = tf.TensorSpec(self.shape, "uint8")
            return tf.map_fn(decode, values, fn_output_signature=signature)
        if self.encoding == "raw":
            length = int(np.prod(self.stored)) * np.dtype(self.dtype).itemsize
            exact = tf.debugging.assert_equal(tf.strings.length(values), length)
            with tf.control_dependencies([exact]):
                values = tf.io.decode_raw(values, self.dtype)
        values = tf.cast(tf.reshape(values, (-1, *self.stored)), self.dtype)
        if not self.size:
            return values
        resized = tf.image.resize(values, self.size, antialias=True)
        whole = values.dtype == tf.uint8
        return tf.saturate_cast(tf.round(resized), "uint8") if whole else resized


@dataclasses.dataclass(frozen=True, eq=False)
class _FromFiles(Examples):
    """The common parts of `Records` and `WholeFiles`.

    Args:
        features: (inputs, targets), nested as the examples are, of `Feature`s.
        files: Paths.
        classes: int, number of classes of one-hot labels; None for labels as they are stored.
    """

    features: tuple
    files: tuple
    classes: int | None = dataclasses.field(default=None, kw_only=True)

    @property
    def structure(self):
        inputs, targets = tf.nest.map_structure(
            lambda feature: kinds.Stored(feature.shape, feature.dtype), self.features
        )
        return inputs, kinds.Stored((self.classes,), "float32") if self.classes else targets

    def one_hot(self, classes):
        return dataclasses.replace(self, classes=classes)

    def resized(self, size):
        inputs, targets = self.features
        inputs = Feature(inputs.name, inputs.stored, inputs.dtype, inputs.encoding, tuple(size))
        return dataclasses.replace(self, features=(inputs, targets))

    def parse(self, data) -> tuple:
        """Decode a batch of serialized examples into inputs and targets."""
        leaves = tf.nest.flatten(self.features)
        found = tf.io.parse_example(data, {leaf.name: leaf.in_example() for leaf in leaves})
        inputs, targets = tf.nest.map_structure(
            lambda leaf: leaf.decode(found[leaf.name]), self.features
        )
        return inputs, tf.one_hot(targets, self.classes) if self.classes else targets


@dataclasses.dataclass(frozen=True, eq=False)
class Records(_FromFiles):
    """Records of some files, read in any order: only what a batch needs is read.

    Args:
        places: (file, record, byte, length) of each example, (examples, 4).
    """

    places: np.ndarray
    _seen: np.ndarray = dataclasses.field(init=False, repr=False)
    _reader: Callable = dataclasses.field(init=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "_seen", np.zeros(len(self.places), bool))
        # not shared with other datasets: the files may have been replaced since
        reader = functools.lru_cache(OPEN)(tfrecord_format.Reader)
        object.__setattr__(self, "_reader", reader)

    def __len__(self):
        return len(self.places)

    def take(self, rows):
        return dataclasses.replace(self, places=self.places[rows])

    def batches(self, order, then):
        def gather(epoch, rows):
            data = tf.numpy_function(self.read, [rows], "string")
            data.set_shape(rows.shape)
            return then(*self.parse(data), epoch, rows)

        return order.map(gather, name="gather", **images.parallel())

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the data of some rows; raise an error for a damaged record at its first read."""
        data, new = self._data(rows), np.flatnonzero(~self._seen[rows])
        if len(new):
            whole = tfrecord_format.are_whole([data[i] for i in new])
            if not whole.all():
                raise errors.InvalidInput(*self.damage(rows[new[int(whole.argmin())]]))
            self._seen[rows] = True
        return np.array([record[:-4] for record in data], dtype=object)

    def inspect(self, rows: np.ndarray) -> tuple[list[bytes], np.ndarray]:
        """Return the data of some rows, and whether each is undamaged."""
        data = self._data(rows)
        return [record[:-4] for record in data], tfrecord_format.are_whole(data)

    def _data(self, rows):
        places = self.places[rows].tolist()
        return [
            self._reader(self.files[file]).read(byte, length) for file, _, byte, length in places
        ]

    def find_bad(self, batches_of_rows):
        for rows in batches_of_rows:
            self._seen[rows] = False
            data = self.read(rows)
            self._seen[rows] = False  # the next epoch checks them again
            for row, one in zip(rows, data, strict=True):
                try:
                    self.parse(np.array([one], dtype=object))
                except (tf.errors.OpError, UnicodeDecodeError) as error:
                    parts = self.damage(row, images.reason_of(error))
                    raise errors.InvalidInput(*parts) from None

    def damage(self, row: int, received: str = tfrecord_format.DAMAGED) -> tuple[str, str, str]:
        """Return the three parts of an error about a row."""
        file, record, byte, _ = self.places[row].tolist()
        subject = f"record {record} of `{self.files[file]}` at byte {byte}"
        return subject, tfrecord_format.EXPECTED, received


@dataclasses.dataclass(frozen=True, eq=False)
class WholeFiles(_FromFiles):
    """All records of some files, each read from start to end.

    Args:
        lengths: Number of records in each file.
    """

    lengths: tuple

    def __len__(self):
        return sum(self.lengths)

    def take(self, rows):
        raise errors.InvalidInput("rows of whole files", "single records, `shard` is index", rows)

    def batches(self, order, then):
        def gather(epoch, rows, data):
            return then(*self.parse(data), epoch, rows)

        return order.map(gather, name="gather", **images.parallel())

    def read_file(self, number: int | tf.Tensor) -> tf.data.Dataset:
        """Return rows and data of a file."""
        lengths = tf.constant(self.lengths, "int64")
        first = tf.cumsum(lengths, exclusive=True)[number]
        data = tf.data.TFRecordDataset(tf.gather(tf.constant(self.files), number))
        data = data.apply(tf.data.experimental.assert_cardinality(lengths[number]))
        return data.enumerate(first)

    def find_bad(self, batches_of_rows):
        for file, length in zip(self.files, self.lengths, strict=True):
            starts, lengths, fault = tfrecord_format.index(file)
            part = Records(self.features, (file,), _places(0, starts, lengths))
            part.find_bad(_chunks(len(starts)))
            if fault or len(starts) != length:
                expected = f"{length} records, as {FEATURES} says"
                received = f"{len(starts)} records{f' and {fault}' if fault else ''}"
                raise errors.InvalidInput(f"file `{file}`", expected, received)


def _places(number, starts, lengths):
    return np.stack([np.full(len(starts), number), np.arange(len(starts)), starts, lengths], axis=1)


def _chunks(total, bytes_each=0):
    rows = min(CHUNK, CHUNK_BYTES // bytes_each or 1) if bytes_each else CHUNK
    return np.array_split(np.arange(total), -(-total // rows) or 1)


def _bytes_each(structure):
    leaves = tf.nest.flatten(structure)
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in leaves)


# ---- reading


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
    """TFRecord files, written by `kerasdl.data.write_records` or by other programs.

    Give a folder of .tfrecord files or one such file. A file whose name begins with train,
    validation or test belongs to that split. Missing validation and test splits are cut from the
    training split. `features.json` beside the files lists the feature of each part of
    an example, and its shape, dtype and encoding.

    validation, test: float, fractions of the records, drawn with the seed, if they are needed.
    memory: int, bytes. Decoded examples that fit are kept in memory; otherwise every epoch reads
        and decodes them.
    skip_bad: bool, leave out damaged records and labels that are not one of the classes. This
        reads all records once.
    """
    checks.numbers(at_least=0, memory=memory)
    folder, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    paths = sorted(folder.glob("*.tfrecord")) if folder.is_dir() else [folder]
    paths = [
        file
        for file in paths
        if file.is_file() and not file.name.startswith(files.PARTIAL)  # left by a kill
    ]
    known = _known((folder if folder.is_dir() else folder.parent) / FEATURES)
    features = _features(known)
    places: dict[str, list[np.ndarray]] = {split: [] for split in NAMES}
    whole = []
    for number, file in enumerate(paths):
        split = next((name for name in NAMES if file.name.startswith(name)), "train")
        expected = known["counts"].get(file.name)
        if whole_files and split == "train":
            whole.append((str(file), expected))
            continue
        found = tfrecord_format.inspected_index(file, expected, inspection)
        places[split].append(_places(number, *found))
    inspection.check()
    parts: dict[str, Any] = {
        split: Records(features, tuple(map(str, paths)), np.concatenate(found))
        for split, found in places.items()
        if found
    }
    total = sum(map(len, parts.values())) + inspection.count
    if whole_files:
        parts = {"train": _whole(folder, features, whole), **parts}
    else:
        parts = _three(folder, parts, seed, validation, test)
    if image_size and parts["train"].has_images:
        parts = {split: part.resized(image_size) for split, part in parts.items()}
    keep = total * _bytes_each(parts["train"].structure) <= memory
    for split, part in parts.items():
        if len(part) and isinstance(part, Records) and (keep or skip_bad):
            good, arrays = _inspected(part, known["classes"], inspection, keep)
            inspection.check()
            parts[split] = Arrays(*arrays) if keep and len(good) else part.take(good)
    skipped = inspection.done(total, f"data `{path}`")
    parts = {split: parts.get(split) or None for split in NAMES}
    if not parts["train"] or not parts["test"]:
        expected = "enough records to train and to test"
        raise errors.InvalidInput(f"data `{path}`", expected, f"{total} records")
    facts: dict[str, Any] = {fact: known[fact] for fact in FACTS}
    return Source(**parts, **facts, skipped=skipped)


def _known(path):
    """Read the description of the records in `features.json` and check it."""
    expected = "a JSON file beside the records that says what they hold: see write_records"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = {**dict.fromkeys(FACTS), "task": "classification", "counts": {}, **found}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise errors.InvalidInput(f"file `{path}`", expected, error) from None
    kinds.get(known["task"])
    for fact, is_one, expected in (
        ("classes", _is_name, "a list of texts or null"),
        ("vocabulary", _is_name, "a list of texts or null"),
        ("target_scale", _is_scale, "a list of finite numbers or null"),
        ("outputs", _is_name, "a list of texts or null"),
    ):
        value = known[fact]
        if value is not None and not (isinstance(value, list) and all(map(is_one, value))):
            raise _invalid(fact, expected, value)
        known[fact] = files.tupled(value) if value else None
    counts = known["counts"]
    if not isinstance(counts, dict) or not all(checks.is_integer(n, 0) for n in counts.values()):
        raise _invalid("counts", "the number of records of each file", counts)
    return known


def _is_text(value):
    # JSON may contain halves of characters, which cannot be printed
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def _is_scale(value):
    several = isinstance(value, list) and all(map(checks.is_number, value))
    return several or checks.is_number(value)


def _is_name(value):
    return _is_text(value) or checks.is_number(value)


def _invalid(key, expected, received):
    return errors.InvalidInput(f"`{key}` in `{FEATURES}`", expected, reprlib.repr(received))


def _features(known):
    def nested(value):
        if isinstance(value, dict) and "feature" in value:
            return _feature(value)
        if isinstance(value, dict) and value:
            return {name: nested(part) for name, part in value.items()}
        if isinstance(value, list) and value:
            return tuple(map(nested, value))
        raise TypeError(reprlib.repr(value))

    try:
        features = nested(known["inputs"]), nested(known["targets"])
        leaves = tf.nest.flatten(features)
    except (KeyError, TypeError, RecursionError) as error:
        expected = "inputs and targets, each a feature with its shape, dtype and encoding"
        raise errors.InvalidInput(f"`{FEATURES}`", expected, repr(error)) from None
    if (numbers := sum(math.prod(leaf.shape) for leaf in leaves)) > LARGEST:
        expected = f"at most {LARGEST:,} numbers in an example"
        raise errors.InvalidInput(f"`{FEATURES}`", expected, f"{numbers:,}")
    return features


def _feature(described):
    leaf = {**dict.fromkeys(("shape", "dtype")), "encoding": "raw", **described}
    shape, channels = leaf["shape"], (1, 3, 4)
    is_shape = isinstance(shape, list) and all(map(checks.is_integer, shape))
    image = is_shape and len(shape) == 3 and shape[2] in channels
    for key, holds, expected in (
        ("feature", _is_text(leaf["feature"]), "a name"),
        (
            "shape",
            is_shape and len(shape) <= MOST_DIMENSIONS,
            f"a list of at most {MOST_DIMENSIONS} positive integers",
        ),
        ("dtype", leaf["dtype"] in DTYPES, f"one of {', '.join(DTYPES)}"),
        ("encoding", leaf["encoding"] in ENCODINGS, f"one of {', '.join(ENCODINGS)}"),
        (
            "shape",
            leaf["encoding"] != "image" or image,
            "[height, width, channels] of an image, with 1, 3 or 4 channels",
        ),
    ):
        if not holds:
            raise _invalid(key, expected, leaf[key])
    return Feature(leaf["feature"], shape, leaf["dtype"], leaf["encoding"])


def _three(folder, parts, seed, validation, test):
    if "train" not in parts:
        expected = "records to train on, in files train-*.tfrecord"
        raise errors.InvalidInput(f"data `{folder}`", expected, list(parts) or "none")
    fractions = (0 if "validation" in parts else validation, 0 if "test" in parts else test)
    rows = splitting.rows_of_splits(np.zeros(len(parts["train"])), seed, *fractions)
    cut = {split: parts["train"].take(part) for split, part in zip(NAMES, rows, strict=True)}
    return cut | {split: parts[split] for split in NAMES[1:] if split in parts}


def _whole(folder, features, found):
    missing = [file for file, length in found if not length]
    if missing or not found:
        expected = f"files train-*.tfrecord, and for each its number of records in `{FEATURES}`"
        received = f"none for `{missing[0]}`" if missing else "no such file"
        raise errors.InvalidInput(f"data `{folder}` to share by file", expected, received)
    for file, length in found:
        if length * tfrecord_format.FRAME > (size := pathlib.Path(file).stat().st_size):
            expected = f"{length:,} records, as {FEATURES} says"
            raise errors.InvalidInput(f"file `{file}`", expected, f"{size:,} bytes")
    names, lengths = zip(*found, strict=True)
    return WholeFiles(features, names, lengths)


def _inspected(records, classes, inspection, keep):
    """Return the valid rows, and their arrays or None; note the others."""
    good, parts = [], []
    for rows in _chunks(len(records), _bytes_each(records.structure)):
        data, whole = records.inspect(rows)
        for row in rows[~whole]:
            _note(inspection, records, row, "damaged record", *records.damage(row)[1:])
        rows, data = rows[whole], np.array(data, dtype=object)[whole]
        if not len(rows):
            continue
        right = _right(records, data)
        names = ", ".join(leaf.name for leaf in tf.nest.flatten(records.features))
        for row in rows[~right]:
            expected = f"an Example with {names} as `{FEATURES}` describes them"
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
            parts.append(take(arrays, known))
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
    """Return whether each record is an example with the features; nearly always all are."""
    if _fits(records, data):
        return np.full(len(data), True)
    return np.array([_fits(records, data[i : i + 1]) for i in range(len(data))])


def _fits(records, data):
    try:
        records.parse(data)
    except (tf.errors.OpError, UnicodeDecodeError):  # messages may quote any bytes of a record
        return False
    return True


# ---- writing


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

    The files are called `train-00000-of-00004.tfrecord` and so on; examples go to them in turn.
    Each file is written under a temporary name and renamed when all are complete; `features.json`,
    written last, says what they hold.

    Args:
        source: What `load` returned, without `share` and `augment`; or arrays: {"train": (inputs,
            targets), "test": ...}.
        folder: Where to write. Older files of the same names are replaced.
        shards: int, files of each split. With `load(shard="file")` there must be at least as many
            as replicas.
        encoding: "raw", which is exact, or "png" for images of bytes or in [0, 1]: smaller, 8 bits.
        task: str, the kind of data, if `source` holds arrays: see `kerasdl.data.kinds`.
        classes: Names of the classes, if `source` holds arrays.

    Returns:
        The paths of the .tfrecord files.

    Example:
        >>> import tempfile
        >>> import kerasdl
        >>> splits = kerasdl.data.load("digits")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = write_records(splits, folder, shards=1)
        >>> len(files)
        3
    """
    checks.integers(shards=shards)
    errors.one_of("encoding of records", encoding, ("raw", "png"))
    facts = {"task": kinds.get(task).name, "classes": classes}
    if isinstance(source, Splits):
        facts = {fact: getattr(source.info, fact) for fact in FACTS}
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    structure: Any = None
    with contextlib.ExitStack() as renamed:  # leaving it renames all files
        for split in NAMES:
            names = [f"{split}-{i:05}-of-{shards:05}.tfrecord" for i in range(shards)]
            with contextlib.ExitStack() as opened:
                writers = None
                for number, example in enumerate(_examples(source, split)):
                    structure = structure or _structure(example, encoding)
                    if writers is None:
                        partial = [renamed.enter_context(files.atomic(folder / n)) for n in names]
                        writers = [
                            opened.enter_context(tf.io.TFRecordWriter(str(p))) for p in partial
                        ]
                        counts |= dict.fromkeys(names, 0)
                    writers[number % shards].write(_encoded(example, structure))
                    counts[names[number % shards]] += 1
    if not structure:
        raise errors.InvalidInput("source of records", "at least one example", "none")
    inputs, targets = tf.nest.map_structure(Feature.described, structure)
    described = {**facts, "inputs": inputs, "targets": targets, "counts": counts}
    files.write_json(folder / FEATURES, described)
    return [folder / name for name in counts]


def _examples(source, split):
    if isinstance(source, Splits):
        dataset, epoch = getattr(source, split), int(source.epoch)
        if dataset is not None:
            yield from dataset.unbatch().as_numpy_iterator()
        source.epoch.assign(epoch)  # as before this pass
    elif source.get(split):
        part = source[split]
        for row in range(count(part)):
            yield take(part, row)


def _structure(example, encoding) -> Any:
    """Return the feature of each part of an example, nested as the parts are."""

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
    pairs = zip(tf.nest.flatten(example), tf.nest.flatten(structure), strict=True)
    features = {leaf.name: leaf.encode(np.asarray(value)) for value, leaf in pairs}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
