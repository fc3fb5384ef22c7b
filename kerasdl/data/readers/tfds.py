"""Read images with classes from TensorFlow Datasets."""

import contextlib
import functools
import math
import socket
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from kerasdl import errors
from kerasdl.data import bad_examples, images, splitting, tfrecord_format
from kerasdl.data.examples import Arrays, EncodedImages, take
from kerasdl.data.splits import Source
from kerasdl.utils import checks, patches

PATIENCE = 3  # seconds to wait for a connection
MOST_CLASSES = 2**20
LARGEST = 2**26  # numbers of an image


def read(
    name,
    seed,
    image_size=None,
    data_dir=None,
    validation=0.1,
    test=0.1,
    memory=2**30,
    skip_bad=False,
    download=True,
) -> Source:
    """A dataset of images with classes of TensorFlow Datasets; downloaded if it is not prepared.

    A missing validation or test split is cut from the training split. Reading a prepared dataset
    runs none of its code: its features must be classes of TensorFlow Datasets, or of a module that
    you have imported.

    data_dir: Folder of prepared datasets. By default that of TensorFlow Datasets.
    validation, test: float, fractions of the training split, drawn with the seed, if needed.
    memory: int, bytes. Decoded images that fit are kept in memory; otherwise the encoded images
        are, and every epoch decodes them.
    skip_bad: bool, leave out damaged records, images that cannot be read and labels that are not
        one of the classes. If images do not fit into `memory`, this decodes all of them once more.
    download: bool, whether a dataset that is not prepared is downloaded and prepared, which may
        run code of its own. A run folder asks for this only if it is trusted.
    """
    checks.numbers(at_least=0, memory=memory)
    checks.flags(download=download)
    builder = _prepared(name.removeprefix("tfds:"), data_dir, download)
    image, label = _image_and_label(name, builder)
    features = builder.info.features
    shape = features[image].shape
    size = image_size or (shape[:2] if None not in shape[:2] else (64, 64))
    size, channels = tuple(size), shape[2] or 3
    if channels not in (1, 3, 4) or (not image_size and math.prod(size) * channels > LARGEST):
        expected = f"images of 1, 3 or 4 channels and at most {LARGEST:,} numbers"
        raise errors.InvalidInput(f"data `{name}`", expected, shape)
    decode = images.decoder(size, channels)
    inspection, classes = bad_examples.Inspection(skip_bad), tuple(features[label].names)
    parts = {}
    for split in builder.info.splits:
        with _one_line(name):
            contents, labels = _contents(builder, split, image, label, inspection)
        places = np.array([f"{name} {split} {i}" for i in range(len(labels))], str)
        parts[split] = (contents, labels, places)
    total = inspection.count + sum(len(labels) for _, labels, _ in parts.values())
    for split, (_, labels, _) in parts.items():
        _note_strays(name, split, labels, len(classes), inspection)
    inspection.check()
    parts = _three(name, parts, seed, validation, test)
    keep = total * np.prod(size) * channels <= memory
    for split, (contents, labels, places) in parts.items():
        known = [row for row, place in enumerate(places.tolist()) if place not in inspection.found]
        contents, labels, places = contents[known], labels[known], places[known]
        if len(labels) and (keep or skip_bad):
            good, pixels = images.inspect(contents, decode, places, inspection, keep)
            contents = pixels if keep else contents[good]
            labels, places = labels[good], places[good]
        parts[split] = (contents, labels, places)
    skipped = inspection.done(total, f"data `{name}`")
    examples: dict[str, Any] = {
        split: None
        if not len(labels)
        else Arrays(contents, labels)
        if keep
        else EncodedImages(contents, labels, size, channels, False, places)
        for split, (contents, labels, places) in parts.items()
    }
    if not examples["train"] or not examples["test"]:
        received = f"{total} images"
        raise errors.InvalidInput(f"data `{name}`", "enough images to train and test", received)
    return Source("classification", **examples, classes=classes, skipped=skipped)


def _contents(builder, split, image, label, inspection):
    """The encoded images of a split and their labels."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    decoders = {image: tfds.decode.SkipDecoding()}
    read = {"decoders": decoders, "read_config": tfds.ReadConfig(try_autocache=False)}
    if _is_whole(builder, split):
        dataset = builder.as_dataset(split=split, shuffle_files=False, **read)
        try:
            return _arrays([(e[image], e[label]) for e in dataset.as_numpy_iterator()])
        except (tf.errors.OpError, UnicodeDecodeError):
            pass  # it does not say where
    features, examples = builder.info.features, []
    for data, *place in _records(builder, split, inspection):
        try:
            example = features.deserialize_example(data, decoders=decoders)
        except (tf.errors.OpError, UnicodeDecodeError) as error:
            tfrecord_format.note(inspection, *place, images.reason_of(error))
        else:
            examples.append((example[image].numpy(), int(example[label])))
    return _arrays(examples)


def _arrays(examples):
    contents, labels = zip(*examples, strict=True) if examples else ((), ())
    return np.array(contents, dtype=object), np.array(labels, "int32")


def _shards(builder, split):
    """The files of a split and how many records each should have; none if not TFRecords."""
    info = builder.info.splits[split]
    if builder.info.file_format.value != "tfrecord":
        return []
    return list(zip(map(str, info.filepaths), info.shard_lengths, strict=True))


def _is_whole(builder, split):
    indexes = [(tfrecord_format.index(file), count) for file, count in _shards(builder, split)]
    return all(len(starts) == count and not fault for (starts, _, fault), count in indexes)


def _records(builder, split, inspection):
    """Yield the data and the place of whole records, and note the damaged ones."""
    for file, count in _shards(builder, split):
        starts, lengths, _ = tfrecord_format.index(file)
        reader = tfrecord_format.Reader(file)
        for record, place in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
            data = reader.read(*place)
            if tfrecord_format.are_whole([data])[0]:
                yield data[:-4], file, record, place[0]
            else:
                tfrecord_format.note(inspection, file, record, place[0], tfrecord_format.DAMAGED)
        tfrecord_format.inspected_index(file, count, inspection)


def _note_strays(name, split, labels, classes, inspection):
    for row in np.flatnonzero((labels < 0) | (labels >= classes)).tolist():
        place, expected = f"{name} {split} {row}", f"a class from 0 to {classes - 1}"
        parts = (f"label of `{place}`", expected, int(labels[row]))
        inspection.bad(place, place, "label out of range", *parts)


def _three(name, parts, seed, validation, test):
    if "train" not in parts:
        raise errors.InvalidInput(f"data `{name}`", "a training split", list(parts))
    labels = parts["train"][1]
    fractions = (0 if "validation" in parts else validation, 0 if "test" in parts else test)
    rows = splitting.rows_of_splits(labels, seed, *fractions)
    cut = {
        split: take(parts["train"], part)
        for split, part in zip(("train", "validation", "test"), rows, strict=True)
    }
    return cut | {split: parts[split] for split in ("validation", "test") if split in parts}


def _image_and_label(name, builder):
    """The names of the features that hold an image and its class."""
    import tensorflow_datasets as tfds

    keys, features = builder.info.supervised_keys, builder.info.features
    known = dict(features.items()) if isinstance(features, tfds.features.FeaturesDict) else {}
    pair = isinstance(keys, tuple) and len(keys) == 2 and all(isinstance(k, str) for k in keys)
    image, label = (known.get(key) for key in keys) if pair else (None, None)
    if not (isinstance(image, tfds.features.Image) and isinstance(label, tfds.features.ClassLabel)):
        expected = "a dataset of images with classes"
        raise errors.InvalidInput(f"data `{name}`", expected, f"features {list(known)}")
    if not 0 < (label.num_classes or 0) <= MOST_CLASSES:
        expected = f"at most {MOST_CLASSES:,} classes"
        raise errors.InvalidInput(f"data `{name}`", expected, label.num_classes)
    return keys


def _prepared(name, data_dir, download):
    """The builder of a dataset on disk; downloads the dataset if it is not there."""
    import tensorflow_datasets as tfds

    expected = "NAME, NAME/CONFIG or NAME:VERSION of a dataset of TensorFlow Datasets"
    try:
        tfds.core.naming.parse_builder_name_kwargs(name)
    except ValueError as error:
        received = f"tfds:{name}, {str(error).splitlines()[0]}"
        raise errors.InvalidInput("data", expected, received) from None
    if not download and "://" in str(data_dir):
        raise _refused(name, "a folder of this computer")
    features = tfds.features.FeatureConnector
    known = staticmethod(functools.partial(_known_class, name))
    try:
        # TensorFlow Datasets would import the module of any class that `features.json` names
        with _one_line(f"tfds:{name}"), patches.replaced(features, "cls_from_name", known):
            return tfds.core.read_only_builder.builder_from_files(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        if not download:
            raise _refused(name, data_dir) from None
    return _downloaded(name, data_dir)


@contextlib.contextmanager
def _one_line(name):
    """Raise `InvalidInput` for any error that a damaged dataset causes."""
    import tensorflow_datasets as tfds

    try:
        yield
    except (errors.InvalidInput, tfds.core.DatasetNotFoundError):
        raise
    except Exception as error:  # TensorFlow Datasets raises any kind
        reason = (str(error).splitlines() or [repr(error)])[0]
        expected = "a prepared dataset that can be read"
        raise errors.InvalidInput("data", expected, f"{name}, {reason}") from error


def _refused(name, data_dir):
    place = data_dir or "the folder of TensorFlow Datasets"
    expected = f"a prepared dataset in {place} (`trust=True`, --trust, may download it)"
    return errors.InvalidInput("data", expected, f"tfds:{name}")


def _known_class(name, class_name):
    """A class of features that is imported already."""
    import tensorflow_datasets as tfds

    classes = tfds.features.FeatureConnector._registered_features
    if class_name not in classes:
        expected = "classes of TensorFlow Datasets (import the module of another first)"
        raise errors.InvalidInput(f"features of data `tfds:{name}`", expected, class_name)
    return classes[class_name]


def _downloaded(name, data_dir):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, ValueError):
        expected = (
            f"the name of a dataset of TensorFlow Datasets, or one in {data_dir or 'data_dir'}"
        )
        raise errors.InvalidInput("data", expected, f"tfds:{name}") from None
    _check_network(name, builder)
    builder.download_and_prepare()
    return builder


def _check_network(name, builder):
    """Raise an error at once if there is no network; TensorFlow Datasets would retry."""
    if urllib.request.getproxies():
        return
    for url in list(builder.url_infos)[:1]:
        address = urllib.parse.urlsplit(url)
        try:
            port = address.port or {"http": 80}.get(address.scheme, 443)
            socket.create_connection((address.hostname, port), PATIENCE).close()
        except OSError as error:
            expected = f"a prepared dataset in {builder.data_dir}, or a network to download it"
            raise errors.InvalidInput(f"data `tfds:{name}`", expected, error) from None
