"""Iterate over a dataset many times with one TensorFlow iterator.

Making an iterator compiles the functions of its pipeline, which may take longer than a
small epoch. Keras makes two iterators in every epoch of `fit` and `evaluate`.
"""

import functools
import threading
import weakref

import tensorflow as tf
from keras.src.trainers import data_adapters
from tensorflow.python.eager import context


def reuse_iterators(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the dataset as `Passes`, or unchanged if its length or structure does not allow it."""
    finite = int(dataset.cardinality()) > 0
    leaves = tf.nest.flatten(dataset.element_spec)
    tensors = all(isinstance(leaf, tf.TensorSpec) for leaf in leaves)
    return Passes(dataset) if finite and tensors else dataset


class Passes(tf.data.Dataset):
    """A dataset that is read many times with one TensorFlow iterator.

    A pass that begins while another one is in use gets an iterator of its own, so passes never
    disturb each other. As with any dataset, every pass runs the pipeline again: it draws new random
    numbers, and reads variables when its first element is requested. `map` returns `Passes`, too.

    Args:
        dataset: tf.data.Dataset of finite, known length, whose elements are nested tensors.
    """

    def __init__(self, dataset: tf.data.Dataset):
        self._dataset = dataset
        self._lock = threading.RLock()
        self._shared: tf.data.Iterator | None = None
        self._user: weakref.ref | None = None  # the pass that uses `_shared`
        super().__init__(tf.data.experimental.to_variant(dataset))

    @property
    def element_spec(self):
        return self._dataset.element_spec

    def _inputs(self):
        return [self._dataset]

    def map(self, *args, **kwargs) -> tf.data.Dataset:
        return reuse_iterators(super().map(*args, **kwargs))

    def __iter__(self):
        # in the scope of a strategy, the variables below would be copied to each replica
        if not tf.executing_eagerly() or tf.distribute.has_strategy():
            return super().__iter__()
        return _Pass(self)

    def begin(self, user: "_Pass") -> tf.data.Iterator:
        """Begin a pass for `user`, and return an iterator over its elements."""
        with self._lock, tf.init_scope():
            if self._user and self._user():
                return iter(self._dataset)
            self._drop_unfinished()
            self._begun.assign(self._shared is not None)
            self._shared = self._shared or iter(self._endless)
            self._given.assign(1)
            self._user = weakref.ref(user)
            weakref.finalize(user, self._drop_unfinished)
            return self._shared

    def _drop_unfinished(self):
        """Drop the iterator if the last pass was not read to its end."""
        # the garbage collector may call this inside of any graph, which `init_scope` may not leave
        with self._lock, context.eager_mode():
            if int(self._given) not in (0, 1 + len(self._dataset)):
                self._shared = None

    @functools.cached_property
    def _given(self):
        """1 + the number of elements that the current pass has given; 0 after its end."""
        with tf.device("CPU:0"):
            return tf.Variable(0, dtype="int64", trainable=False)

    @functools.cached_property
    def _begun(self):
        """Whether a pass may begin. Until then, the iterator stays at the end of the last one."""
        with tf.device("CPU:0"):
            return tf.Variable(False, trainable=False)

    @functools.cached_property
    def _endless(self):
        """All passes in a row, as a dataset whose iterators end after each and can go on then."""
        spec, given, begun = tf.nest.flatten(self.element_spec), self._given, self._begun
        with tf.device("CPU:0"):
            closed = tf.queue.FIFOQueue(1, ["bool"], shapes=[()])
        closed.close()

        @tf.function(input_signature=[*spec, tf.TensorSpec((), "bool")], autograph=False)
        def give(*data):
            *data, ended = data
            counted = given.assign(tf.where(ended, tf.constant(0, "int64"), given + 1))
            with tf.control_dependencies([counted]):
                raised = closed.dequeue_many(tf.cast(ended, "int32"))  # OutOfRangeError at the end
            with tf.control_dependencies([raised]):
                return [tf.identity(part) for part in data]

        def waits(*_):
            waiting = tf.logical_not(begun)
            with tf.control_dependencies([waiting]):
                reset = begun.assign(False)
            with tf.control_dependencies([reset]):
                return tf.identity(waiting)

        self._kept = closed, give.get_concrete_function()
        no, yes = (tf.data.Dataset.from_tensors(value).repeat() for value in (False, True))
        blank = [tf.zeros([size or 0 for size in part.shape], part.dtype) for part in spec]
        blank = tf.data.Dataset.from_tensors(tf.nest.pack_sequence_as(self.element_spec, blank))
        ends = tf.data.Dataset.zip((blank.repeat(), yes)).take_while(waits)
        marked = tf.data.Dataset.zip((self._dataset, no)).concatenate(ends)
        # Without `preserve_cardinality`, which `tf.data.Dataset.map` always sets, OutOfRangeError
        # means the end of the data. An iterator can go on after it.
        endless = tf.raw_ops.MapDataset(
            input_dataset=tf.data.experimental.to_variant(marked.repeat()),
            other_arguments=self._kept[1].captured_inputs,
            f=self._kept[1],
            output_types=[part.dtype for part in spec],
            output_shapes=[part.shape for part in spec],
            use_inter_op_parallelism=False,
            preserve_cardinality=False,
        )
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_optimization.inject_prefetch = False  # it would not go on
        dataset = tf.data.experimental.from_variant(endless, self.element_spec)
        return dataset.with_options(options)


class _Pass(tf.data.Iterator):
    """An iterator of `Passes`, which begins its pass when it is first used."""

    def __init__(self, dataset):
        self._of = dataset

    @functools.cached_property
    def _iterator(self):
        return self._of.begin(self)

    @property
    def element_spec(self):
        return self._of.element_spec

    def get_next(self):
        return self._iterator.get_next()

    def get_next_as_optional(self):
        return self._iterator.get_next_as_optional()

    def __next__(self):
        return next(self._iterator)

    # what TensorFlow needs to pass it to a `tf.function`

    @property
    def _iterator_resource(self):
        return self._iterator._iterator_resource

    @property
    def _type_spec(self):
        return tf.data.IteratorSpec(self.element_spec)

    def __tf_tracing_type__(self, context):
        return self._type_spec


def _without_shuffling(get_data_adapter):
    """Keep Keras from warning in `fit` that it does not shuffle data that shuffle themselves.

    The pipelines of this package shuffle themselves. Keras warns for every tf.data.Dataset; its
    own interface for other data, `DataAdapter`, would ignore `class_weight`.
    """

    @functools.wraps(get_data_adapter)
    def adapted(x, *args, **options):
        if isinstance(x, Passes) and "shuffle" in options:
            options["shuffle"] = False
        return get_data_adapter(x, *args, **options)

    return adapted


data_adapters.get_data_adapter = _without_shuffling(data_adapters.get_data_adapter)
