"""How the examples of one split are stored: arrays in memory, or files decoded every epoch.

All ways of storing have the methods of `Examples`; `readers/tfrecords.py` has two more.
"""

import abc
import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasdl.data.kinds import Stored

if TYPE_CHECKING:  # sets import this module without TensorFlow
    import tensorflow as tf


class Examples(abc.ABC):
    """The examples of one split: inputs and targets, which may be nested.

    Attributes:
        arrays: (inputs, targets) in memory, or None if they are read when needed.
        structure: (inputs, targets) of one example, nested `Stored`.
    """

    arrays: tuple | None = None
    structure: tuple

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abc.abstractmethod
    def take(self, rows: np.ndarray | slice) -> "Examples":
        """Return the examples of some rows: indices, a slice or a mask."""

    @abc.abstractmethod
    def batches(self, order: "tf.data.Dataset", then: Callable) -> "tf.data.Dataset":
        """Turn batches of rows into batches of examples.

        Args:
            order: tf.data.Dataset of (epoch, rows).
            then: Function of (inputs, targets, epoch, rows), the rest of the same `map`.
        """

    @abc.abstractmethod
    def one_hot(self, classes: int) -> "Examples":
        """Return the same examples with one-hot labels."""

    @abc.abstractmethod
    def resized(self, size: tuple[int, int]) -> "Examples":
        """Return the same images with another (height, width)."""

    @abc.abstractmethod
    def find_bad(self, batches_of_rows: Iterable[np.ndarray]):
        """Read the examples of an epoch again; raise `InvalidInput` if one cannot be read."""

    @property
    def has_images(self) -> bool:
        """Whether the inputs are one image each."""
        inputs = self.structure[0]
        return isinstance(inputs, Stored) and len(inputs.shape) == 3


def count(arrays: Any) -> int:
    """Return the number of examples in nested arrays."""
    while isinstance(arrays, (dict, tuple)):
        arrays = next(iter(arrays.values())) if isinstance(arrays, dict) else arrays[0]
    return len(arrays)


def take(arrays: Any, rows: int | slice | np.ndarray) -> Any:
    """Return some rows of nested arrays."""
    return nested(lambda array: array[rows], arrays)


def nested(function: Callable, arrays: Any) -> Any:
    """Apply a function to each array in tuples and dictionaries of arrays.

    It replaces `tf.nest.map_structure` in modules that do not import TensorFlow.
    """
    if isinstance(arrays, dict):
        return {name: nested(function, array) for name, array in arrays.items()}
    if isinstance(arrays, tuple):
        return tuple(nested(function, array) for array in arrays)
    return function(arrays)


@dataclasses.dataclass(frozen=True, eq=False)
class Arrays(Examples):
    """Examples in memory.

    Args:
        inputs: Array of (examples, ...), or nested arrays.
        targets: The same.
    """

    inputs: Any
    targets: Any

    def __len__(self):
        return count(self.inputs)

    @property
    def arrays(self):
        return self.inputs, self.targets

    @property
    def structure(self):
        return nested(lambda array: Stored(array.shape[1:], array.dtype.name), self.arrays)

    def take(self, rows):
        return Arrays(*take(self.arrays, rows))

    def batches(self, order, then):
        import tensorflow as tf

        from kerasdl.data import images

        tensors = self._tensors  # made here, outside of the graph of `gather`

        def gather(epoch, rows):
            inputs, targets = tf.nest.map_structure(lambda array: tf.gather(array, rows), tensors)
            return then(inputs, targets, epoch, rows)

        return order.map(gather, name="gather", **images.parallel())

    @functools.cached_property
    def _tensors(self):
        import tensorflow as tf

        with tf.device("CPU:0"):  # a copy on a GPU would take memory and be copied back
            return tf.nest.map_structure(tf.constant, self.arrays)

    def one_hot(self, classes):
        return Arrays(self.inputs, np.eye(classes, dtype="float32")[self.targets])

    def resized(self, size):
        import tensorflow as tf

        from kerasdl.data import images

        with tf.device("CPU:0"):  # all images may not fit on a GPU
            resized = tf.image.resize(images.to_unit(tf.constant(self.inputs)), size)
            return Arrays(tf.clip_by_value(resized, 0.0, 1.0).numpy(), self.targets)

    def find_bad(self, batches_of_rows):
        pass  # nothing is read again


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedImages(Examples):
    """Images as files or their contents, decoded again every epoch, with a class each.

    Args:
        items: Array of file names, or of contents (bytes).
        targets: Array of labels, or of one-hot labels.
        size: (height, width) to which images are brought.
        channels: int, 1 or 3.
        are_files: bool, whether `items` are file names.
        names: Names of the images for error messages.
    """

    items: np.ndarray
    targets: np.ndarray
    size: tuple[int, int]
    channels: int
    are_files: bool
    names: np.ndarray

    def __len__(self):
        return len(self.targets)

    @property
    def structure(self):
        image = Stored((*self.size, self.channels), "uint8")
        return image, Stored(self.targets.shape[1:], self.targets.dtype.name)

    def take(self, rows):
        parts = {name: getattr(self, name)[rows] for name in ("items", "targets", "names")}
        return dataclasses.replace(self, **parts)

    def decoder(self) -> Callable:
        """Return a function from one of the items to its image."""
        from kerasdl.data import images

        return images.decoder(self.size, self.channels, self.are_files)

    def batches(self, order, then):
        import tensorflow as tf

        from kerasdl.data import images

        with tf.device("CPU:0"):
            items, targets = tf.constant(self.items), tf.constant(self.targets)
        decode = tf.autograph.experimental.do_not_convert(self.decoder())
        image = tf.TensorSpec((*self.size, self.channels), "uint8")

        def gather(epoch, rows):
            # a function for whole batches takes less time than a dataset of single images
            inputs = tf.map_fn(decode, tf.gather(items, rows), fn_output_signature=image)
            return then(inputs, tf.gather(targets, rows), epoch, rows)

        return order.map(gather, name="gather", **images.parallel())

    def one_hot(self, classes):
        return dataclasses.replace(self, targets=np.eye(classes, dtype="float32")[self.targets])

    def resized(self, size):
        return dataclasses.replace(self, size=size)

    def find_bad(self, batches_of_rows):
        from kerasdl.data import bad_examples, images

        for rows in batches_of_rows:
            inspection = bad_examples.Inspection(False)
            part = self.take(rows)
            images.inspect(part.items, self.decoder(), part.names, inspection, keep=False)
            inspection.check()
