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
        """The data of some rows; an error names what is damaged."""
        data, whole = self.inspect(rows)
        if not whole.all():
            raise errors.InvalidInput(*self.damage(rows[int(whole.argmin())]))
        return np.array(data, dtype=object)

    def inspect(self, rows) -> tuple[list[bytes], np.ndarray]:
        """The data of some rows, and which of them are as they were written."""
        places = self.places[rows].tolist()
        data = [reader(self.files[file]).read(byte, length) for file, _, byte, length in places]
        return [record[:-4] for record in data], tfrecord.are_whole(data)

    def check(self, rows):
        """Raise for the first of some rows that cannot be read or decoded."""
        data = self.read(rows)
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
