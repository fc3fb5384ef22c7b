"""Examples in TFRecord files, read by their number: only what a batch needs, in any order.

Each record is a `tf.train.Example`; `features.json` beside the files says what its features are.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import images, tfrecord

OPEN = 64  # files at once


@dataclasses.dataclass(frozen=True, eq=False)
class Records:
    """Some of the records of some files, as a split's inputs and targets.

    Args:
        features: Inputs and targets, nested as the examples are, of `Feature`s.
        files: Paths.
        places: (file, record, byte, length) of each example, (count, 4).
        classes: Number of the classes to encode as one-hot, if that is wanted.
    """

    features: tuple
    files: tuple
    places: np.ndarray
    classes: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "_seen", np.zeros(len(self.places), bool))

    def __len__(self):
        return len(self.places)

    def __getitem__(self, rows):
        return dataclasses.replace(self, places=self.places[rows])

    @property
    def has_images(self):
        return isinstance(self.features[0], Feature) and len(self.features[0].shape) == 3

    def fetch(self, rows):
        """Inputs and targets of some rows, as tensors, in the graph of a pipeline."""
        data = tf.numpy_function(self.read, [rows], "string")
        data.set_shape(rows.shape)
        return self.parse(data)

    def read(self, rows) -> np.ndarray:
        """The data of some rows; an error names what is damaged, when it is first read."""
        data, new = self._data(rows), np.flatnonzero(~self._seen[rows])
        if len(new):
            whole = tfrecord.are_whole([data[i] for i in new])
            if not whole.all():
                raise errors.InvalidInput(*self.damage(rows[new[int(whole.argmin())]]))
            self._seen[rows] = True
        return np.array([record[:-4] for record in data], dtype=object)

    def inspect(self, rows) -> tuple[list[bytes], np.ndarray]:
        """The data of some rows, and which of them are as they were written."""
        data = self._data(rows)
        return [record[:-4] for record in data], tfrecord.are_whole(data)

    def _data(self, rows):
        places = self.places[rows].tolist()
        return [reader(self.files[file]).read(byte, length) for file, _, byte, length in places]

    def check(self, rows):
        """Raise for the first of some rows that cannot be read or decoded."""
        self._seen[rows] = False
        data = self.read(rows)
        self._seen[rows] = False  # what is read later is looked at again
        for row, one in zip(rows, data, strict=True):
            try:
                self.parse(np.array([one], dtype=object))
            except tf.errors.OpError as error:
                reason = error.message.splitlines()[0].split("[Op:")[0].split("}} ")[-1]
                raise errors.InvalidInput(*self.damage(row, reason)) from None

    def damage(self, row, received=tfrecord.DAMAGED):
        """The three parts of an error about a row."""
        file, record, byte, _ = self.places[row].tolist()
        subject = f"record {record} of `{self.files[file]}` at byte {byte}"
        return subject, tfrecord.EXPECTED, received

    def parse(self, data):
        """Inputs and targets of a batch of data."""
        leaves = tf.nest.flatten(self.features)
        found = tf.io.parse_example(data, {leaf.name: leaf.in_example() for leaf in leaves})
        inputs, targets = tf.nest.map_structure(
            lambda leaf: leaf.decode(found[leaf.name]), self.features
        )
        return inputs, tf.one_hot(targets, self.classes) if self.classes else targets


@dataclasses.dataclass(frozen=True, eq=False)
class Files:
    """All records of some files, read from their beginnings to their ends.

    Args:
        features: As for `Records`.
        files: Paths.
        lengths: Number of records in each.
        classes: As for `Records`.
    """

    features: tuple
    files: tuple
    lengths: tuple
    classes: int | None = None

    has_images = Records.has_images
    parse = Records.parse

    def __len__(self):
        return sum(self.lengths)

    def read_file(self, number):
        """Rows and data of a file, whose number may be a tensor."""
        lengths = tf.constant(self.lengths, "int64")
        first = tf.cumsum(lengths, exclusive=True)[number]
        data = tf.data.TFRecordDataset(tf.gather(tf.constant(self.files), number))
        data = data.apply(tf.data.experimental.assert_cardinality(lengths[number]))
        return data.enumerate(first)

    def check(self):
        """Raise for the first file that does not hold what it should."""
        for file, length in zip(self.files, self.lengths, strict=True):
            starts, lengths, fault = tfrecord.index(file)
            records = np.arange(len(starts))
            places = np.stack([np.zeros_like(records), records, starts, lengths], axis=1)
            part = Records(self.features, (file,), places)
            for rows in np.array_split(records, -(-len(records) // 1024) or 1):
                part.check(rows)
            if fault or len(starts) != length:
                expected = f"{length} records, as features.json has it"
                received = f"{len(starts)} records{f' and {fault}' if fault else ''}"
                raise errors.InvalidInput(f"file `{file}`", expected, received)


@functools.lru_cache(OPEN)
def reader(file):
    return tfrecord.Reader(file)


class Feature:
    """One feature of an example.

    Args:
        name: In the example.
        shape: Of the array.
        dtype: Of the array.
        encoding: "raw", the array's bytes in little-endian order; "image", a JPEG, PNG, GIF or BMP
            file; or "values", a list of integers or floats.
        size: (height, width) to which an image is brought, or `None`.
    """

    def __init__(self, name, shape, dtype, encoding="raw", size=None):
        self.name, self.dtype, self.encoding = name, dtype, encoding
        self.size, self.stored = size, tuple(shape)
        self.shape = (*size, *self.stored[2:]) if size else self.stored

    def described(self):
        """As `features.json` has it."""
        shape, dtype = list(self.stored), self.dtype
        return {"feature": self.name, "shape": shape, "dtype": dtype, "encoding": self.encoding}

    def in_example(self):
        if self.encoding != "values":
            return tf.io.FixedLenFeature([], "string")
        kind = "float32" if self.dtype.startswith("float") else "int64"
        return tf.io.FixedLenFeature(self.stored, kind)

    def decode(self, values):
        """From a batch of what stands in the examples to a batch of arrays."""
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
