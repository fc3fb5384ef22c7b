"""Load any dataset, embedded or the user's own, by one call."""

import functools
import importlib
import inspect
import math
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import augment as augmentation
from kerasdl.data import catalog, images, in_memory, mixup, pipeline, policies, sharing
from kerasdl.data.curriculum import Curriculum
from kerasdl.data.readers import annotations, masks, texts
from kerasdl.data.splits import Info, Source, Splits
from kerasdl.utils import checks

LARGEST_SEED = 2**31  # TensorFlow's seeds have 32 bits
# readers by the end of a name: modules in kerasdl.data.readers
READERS = {
    ".conll": "conll",
    ".conllu": "conll",
    ".csv": "table",
    ".json": "annotations",
    ".npz": "arrays",
    ".parquet": "table",
    ".txt": "text",
    ".tfrecord": "tfrecords",
    ".tsv": "table",
}


def load(
    name: Any,
    *,
    batch_size: int = 64,
    image_size: int | tuple | None = None,
    augment: bool | str = False,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    seed: int = 0,
    share: sharing.Share | None = None,
    shard: str = "index",
    skip_bad: bool = False,
    curriculum: Curriculum | None = None,
    **options,
) -> Splits:
    """Load a dataset as tf.data pipelines for training, validation and testing.

    Args:
        name: One of `kerasdl.data.names()`, "tfds:NAME" for a dataset of TensorFlow Datasets, a
            folder with a folder of images or of .txt files for each class, or of images with a
            .csv file of their classes, a
            folder with the folders `images` and `masks`, a folder of images with boxes in COCO,
            YOLO or Pascal VOC files, a pattern of images such as "photos/*/*.jpg", a folder of
            TFRecords that `write_records` wrote, or the path of a .csv, .tsv, .parquet, .npz,
            .txt, .conll, .conllu, .tfrecord or COCO .json file. Or data in memory: arrays (inputs,
            targets), a
            `tf.data.Dataset` or a Keras `PyDataset` of batches, which is read once, a dictionary
            with any of these for "train", "validation" and "test", a pandas DataFrame or a
            dictionary of columns.
        batch_size: int, examples in a batch; the last batch of an epoch may be smaller.
        image_size: int, height and width of the images, or (height, width). By default images keep
            the size of the dataset.
        augment: bool or str, how to augment training images: a name in
            `kerasdl.data.policies.POLICIES`; True is "standard".
        mixup: float in [0, 1], strength of MixUp on training images; makes all labels one-hot.
        cutmix: float in [0, 1], strength of CutMix. With both, each batch gets one of them.
        seed: int, determines the splits, the order, the augmentation and generated data.
        share: `Share`, which replicas this process reads for. Their parts of each training batch
            are consecutive; see `kerasdl.distribute.share`.
        shard: str, how replicas divide TFRecords. "index": each reads the records of its part,
            from all files. "file": each reads whole files from start to end, for storage on which
            random reads are slow; the sizes of its parts follow from the lengths of its files.
        skip_bad: bool, skip examples that cannot be used, and count them in `info.skipped`.
            By default the first one raises an error; more than half of them always do.
        curriculum: `Curriculum`, which training examples come first.
        **options: Options of the dataset; see `kerasdl.data.card(name)`.

    Raises:
        InvalidInput: if an argument is invalid, or data cannot be read.

    Example:
        >>> splits = load("digits", batch_size=32, augment="light")
        >>> splits.train.element_spec[0].shape
        TensorShape([None, 8, 8, 1])
    """
    given = in_memory.named(name)
    expected = "the name of a dataset, a path, or (inputs, targets), a DataFrame or tf.data.Dataset"
    checks.check("name", name, isinstance(given, (str, os.PathLike)), expected)
    name = str(given)
    _check(batch_size, seed, mixup, cutmix, share, shard, skip_bad, curriculum)
    policy, size = policies.policy(augment), images.checked_size(image_size)
    make = _maker(given, options.get("task"))
    if shard == "file":
        options = {**options, "whole_files": True}
        share = share or sharing.Share(0, 1, 1)
    source = _call(
        name, make, checks.plain(seed), size, skip_bad, checks.plain(options), batch_size
    )
    if not source.counts()["train"]:
        expected = "options that leave something to train on"
        raise errors.InvalidInput(f"training split of `{name}`", expected, source.counts())
    source.kind.check(name, source)
    changes = {"image_size": size, "augment": policy, "mixup": mixup, "cutmix": cutmix}
    changed = [argument for argument, asked in changes.items() if asked]
    if changed and not source.train.has_images:
        raise errors.InvalidInput(f"argument `{changed[0]}`", "a dataset of images for it", name)
    plan = None
    if share and shard == "file":
        whole: Any = source.train  # `kerasdl.data.readers.tfrecords.WholeFiles`
        plan = sharing.Plan.of(whole.lengths, share.total, batch_size)
    training = pipeline.Training(
        seed=seed,
        epoch=pipeline.epoch_counter(),
        augment=_augment(policy, source, seed),
        mix=_mix(mixup, cutmix, seed),
        share=share,
        plan=plan,
        choose=curriculum.chooser(source.train, seed) if curriculum else None,
    )
    if training.mix:
        if source.task != "classification":
            raise errors.InvalidInput("argument `mixup` or `cutmix`", "one class an image", name)
        classes = len(source.classes or ())
        source = source.map(lambda part: part.one_hot(classes))
    datasets = pipeline.of_splits(source, batch_size, training)
    find_bad = functools.partial(pipeline.find_bad, source, seed, training.epoch)
    info = _info(name, make, source, training.plan)
    return Splits(**datasets, info=info, epoch=training.epoch, find_bad=find_bad)


def _check(batch_size, seed, mixup, cutmix, share, shard, skip_bad, curriculum):
    checks.integers(batch_size=batch_size, limit=checks.LARGEST)
    checks.integers(at_least=0, below=LARGEST_SEED, seed=seed)
    checks.fractions(one=True, mixup=mixup, cutmix=cutmix)
    checks.flags(skip_bad=skip_bad)
    checks.choices(("index", "file"), shard=shard)
    for argument, value, kind in (
        ("share", share, sharing.Share),
        ("curriculum", curriculum, Curriculum),
    ):
        holds = value is None or isinstance(value, kind)
        checks.check(argument, value, holds, f"a {kind.__name__} or None")
    if shard == "file":
        expected = "False with shard='file', whose lengths must be as written"
        checks.check("skip_bad", skip_bad, not skip_bad, expected)
        expected = "None with shard='file', which reads files from start to end"
        checks.check("curriculum", curriculum, curriculum is None, expected)


def is_table(name: Any) -> bool:
    """Return whether `load` reads a name as a table: a .csv, .tsv or .parquet file, or a DataFrame.

    >>> is_table("sales.csv"), is_table("digits")
    (True, False)
    """
    if isinstance(name, in_memory.InMemory):
        return name.reader == "table"
    path = pathlib.Path(name)
    return READERS.get(path.suffix.lower()) == "table" and not path.is_dir()


def _maker(name, task=None) -> Callable:
    """Return the function that makes or reads the dataset `name`, for option `task`."""
    if isinstance(name, in_memory.InMemory):
        kind = "series" if is_table(name) and task == "series" else name.reader
        reader = importlib.import_module(f"kerasdl.data.readers.{kind}")
        return functools.partial(reader.read, name.value)
    name = str(name)
    path = pathlib.Path(name)
    module: str | None
    if name.startswith(in_memory.PREFIX):
        expected = "the arrays: kerasdl.recipes.open(RUN, data=(x, y)) for a run that was trained"
        raise errors.InvalidInput(f"data `{name}`", f"{expected} on them", "their name alone")
    if name in catalog.SETS:
        return catalog.find(name)
    if name.startswith("tfds:"):
        module, exists = "tfds", True
    elif path.is_dir():
        described = (path / "features.json").is_file()
        if described:
            module = "tfrecords"
        elif masks.is_folder(path):
            module = "masks"
        else:
            module = "annotations" if annotations.format_of(path) else "folder"
            module = "texts" if module == "folder" and texts.is_folder(path) else module
        exists = bool(name)
    elif set(name) & set("*?[") and not path.exists():
        module, exists = "folder", True
    else:
        module, exists = READERS.get(path.suffix.lower()), path.is_file()
        module = "series" if is_table(name) and task == "series" else module
    if module is None and len(path.parts) == 1 and not path.suffix:
        errors.one_of("name of a dataset", name, catalog.names(), catalog.LISTER)
    if module is None or not exists:
        expected = "a dataset's name, tfds:NAME, or an existing folder, .csv or .txt file"
        expected += " (also .conll, .npz, .parquet, .tsv and patterns of images)"
        raise errors.InvalidInput("data", expected, name)
    return functools.partial(importlib.import_module(f"kerasdl.data.readers.{module}").read, name)


def _call(name, make, seed, size, skip_bad, options, batch_size) -> Source:
    known = inspect.signature(make).parameters
    for option in options:
        if option == "whole_files" and option not in known:
            raise errors.InvalidInput("data for shard='file'", "TFRecord files", name)
        names = [n for n in known if n not in ("seed", "image_size", "skip_bad", "whole_files")]
        names += [n for n in ("whole_files",) if n in options]
        errors.one_of(f"option for dataset `{name}`", option, names)
    if "skip_bad" in known:
        options = {**options, "skip_bad": skip_bad}
    if "image_size" in known and size:
        return make(seed, image_size=size, **options)
    source = make(seed, **options)
    if size and source.train.has_images:
        channels = source.train.structure[0].shape[-1]
        # images in memory are resized now, those in files when a batch is read
        in_memory = source.train.arrays is not None
        images_at_once = sum(source.counts().values()) if in_memory else batch_size
        checks.memory(4 * images_at_once * math.prod(size) * channels, image_size=size)
        return source.map(lambda part: part.resized(size))
    return source


def _class_counts(source):
    """Return the number of training examples of each class, if the labels are in memory."""
    labels = getattr(source.train, "targets", None)
    if source.task != "classification" or not source.classes or labels is None or labels.ndim > 1:
        return None
    return tuple(np.bincount(labels, minlength=len(source.classes)).tolist())


def _augment(policy, source, seed):
    if source.vary:
        return functools.partial(source.vary, seed=seed)
    if not policy:
        return None
    _, roles = source.kind.roles(source.train.structure)
    return functools.partial(augmentation.augment, policy=policy, seed=seed, roles=roles)


def _mix(strength, cutmix, seed):
    return mixup.mixer(strength, cutmix, seed) if strength or cutmix else None


def _info(name, make, source, plan) -> Info:
    card = catalog.card(name) if name in catalog.SETS else inspect.getdoc(make.func) or ""
    facts = (
        *("task", "classes", "vocabulary", "target_scale", "outputs", "columns", "target"),
        *("files", "notes", "timeline"),
    )
    return Info(
        name=name,
        card=card,
        shape=tf.nest.map_structure(lambda part: part.shape, source.train.structure[0]),
        counts=source.counts(),
        replicas=plan and plan.counts,
        skipped=source.skipped,
        class_counts=_class_counts(source),
        **{fact: getattr(source, fact) for fact in facts},
    )
