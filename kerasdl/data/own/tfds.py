"""A set of TensorFlow Datasets."""

import socket
import urllib.parse
import urllib.request

import numpy as np

from kerasdl import errors
from kerasdl.data import cutting, images
from kerasdl.data.splits import Source

PATIENCE = 3  # seconds to find out that there is no network


def read(name, seed, image_size=None, data_dir=None, validation=0.1, test=0.1, memory=2**30):
    """Images and classes of TensorFlow Datasets: prepared already, or downloaded now.

    A split that the set lacks is cut from its training split.

    data_dir: Where prepared sets lie; by default where TensorFlow Datasets keeps them.
    validation, test: Shares of the training split, drawn by the seed, if they are needed.
    memory: Bytes up to which the decoded images stay in memory; beyond, the encoded ones do, and
        each epoch decodes them.
    """
    import tensorflow_datasets as tfds

    builder = _prepared(name.removeprefix("tfds:"), data_dir)
    image, label = builder.info.supervised_keys or (None, None)
    features = builder.info.features
    if not (image and isinstance(features[image], tfds.features.Image)) or not isinstance(
        features[label], tfds.features.ClassLabel
    ):
        expected = "a set of images with classes"
        raise errors.InvalidInput(f"data `{name}`", expected, f"features {list(features)}")
    shape = features[image].shape
    size = image_size or (shape[:2] if None not in shape[:2] else (64, 64))
    decode = images.decoder(size, shape[2] or 3)
    parts = {split: _contents(builder, split, image, label) for split in builder.info.splits}
    parts = _three(name, parts, seed, validation, test)
    total = sum(len(labels) for _, labels in parts.values())
    if total * np.prod(size) * (shape[2] or 3) <= memory:
        for split, (contents, labels) in parts.items():
            if len(labels):
                places = [f"{name} {split} {i}" for i in range(len(labels))]
                parts[split] = (images.pixels(contents, decode, places), labels)
        decode = None
    parts = {split: part if len(part[1]) else None for split, part in parts.items()}
    classes = tuple(features[label].names)
    return Source("classification", **parts, classes=classes, decode=decode)


def _contents(builder, split, image, label):
    """The encoded images of a split and their labels."""
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders={image: tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    examples = [(example[image], example[label]) for example in dataset.as_numpy_iterator()]
    contents, labels = zip(*examples, strict=True)
    return np.array(contents, dtype=object), np.array(labels, "int32")


def _three(name, parts, seed, validation, test):
    if "train" not in parts:
        raise errors.InvalidInput(f"data `{name}`", "a training split", list(parts))
    contents, labels = parts["train"]
    shares = (0 if "validation" in parts else validation, 0 if "test" in parts else test)
    rows = cutting.rows_of_splits(labels, seed, *shares)
    cut = {
        split: (contents[part], labels[part])
        for split, part in zip(("train", "validation", "test"), rows, strict=True)
    }
    return cut | {split: parts[split] for split in ("validation", "test") if split in parts}


def _prepared(name, data_dir):
    """The builder of a set that is on disk, now at the latest."""
    import tensorflow_datasets as tfds

    try:
        return tfds.core.read_only_builder.builder_from_files(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        return _downloaded(name, data_dir)


def _downloaded(name, data_dir):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, ValueError):
        expected = f"the name of a TensorFlow data set, or one in {data_dir or 'data_dir'}"
        raise errors.InvalidInput("data", expected, f"tfds:{name}") from None
    _check_network(name, builder)
    builder.download_and_prepare()
    return builder


def _check_network(name, builder):
    """TensorFlow Datasets would try again and again; one look is enough."""
    if urllib.request.getproxies():
        return
    for url in list(builder.url_infos)[:1]:
        address = urllib.parse.urlsplit(url)
        try:
            port = address.port or {"http": 80}.get(address.scheme, 443)
            socket.create_connection((address.hostname, port), PATIENCE).close()
        except OSError as error:
            expected = f"a prepared set in {builder.data_dir}, or a network to download it"
            raise errors.InvalidInput(f"data `tfds:{name}`", expected, error) from None
