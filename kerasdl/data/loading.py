"""`load`: any set, embedded or the user's own, by one call."""

import dataclasses
import functools
import importlib
import inspect
import pathlib

import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import augment as augmentation
from kerasdl.data import bad_examples, catalog, images, pipeline, planning, sharing, splitting
from kerasdl.data.curriculum import Curriculum
from kerasdl.data.mixup import mixer
from kerasdl.data.splits import Info, Source, Splits


def load(
    name: str,
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
    """Load a data set as three tf.data pipelines.

    Args:
        name: One of `kerasdl.data.names()`, "tfds:NAME", a folder of class folders or of TFRecords
            as `write_records` makes them, or the path of a .csv, a .txt or a .tfrecord file.
        batch_size: Size of a batch; the last one of an epoch may be smaller.
        image_size: Side of the images, or (height, width); by default, as the set has them.
        augment: False, or a policy's name; True is "standard". Only for the training images.
        mixup: How much to mix training images, in [0, 1]; makes all labels one-hot.
        cutmix: The same, by pasting; with both, each batch gets one of them.
        seed: Decides on the splits, the order, the augmentation and on what is generated.
        share: Of each training batch, which parts to give, one after the other, in place of the
            whole: for several replicas, see `kerasdl.distribute.share`.
        shard: How replicas share TFRecords. By "index" each reads the records of its part, wherever
            they are; by "file" each reads whole files, one after the other, and its parts are as
            long as these: for storage that is slow to read here and there.
        skip_bad: Leave out what cannot be used and count it in `info.skipped`, in place of an error
            that names the first; more than half is an error still.
        curriculum: Which training examples come first, a `Curriculum`.
        **options: The set's own: see `kerasdl.data.card(name)`.

    Example:
        >>> splits = load("digits", batch_size=32, augment="light")
        >>> splits.train.element_spec[0].shape
        TensorShape([None, 8, 8, 1])
    """
    name = str(name)
    splitting.check_integer("batch_size", batch_size, 1, "argument")
    splitting.check_integer("seed", seed, 0, "argument")
    if seed >= 2**31:
        raise errors.InvalidInput("value for argument `seed`", "an integer below 2^31", seed)
    for option, amount in (("mixup", mixup), ("cutmix", cutmix)):
        splitting.check_number(option, amount, 1, "argument")
    if not isinstance(share, (sharing.Share, type(None))):
        raise errors.InvalidInput("value for argument `share`", "a Share or None", share)
    errors.one_of("value for argument `shard`", shard, ("index", "file"))
    if not isinstance(curriculum, (Curriculum, type(None))):
        expected = "a Curriculum or None"
        raise errors.InvalidInput("value for argument `curriculum`", expected, curriculum)
    policy, size = augmentation.policy(augment), images.checked_size(image_size)
    make = _maker(name)
    if shard == "file":
        if skip_bad:
            expected = "False where files are shared, whose lengths must be as written"
            raise errors.InvalidInput("value for argument `skip_bad`", expected, skip_bad)
        if curriculum:
            expected = "None where files are shared, which are read one after the other"
            raise errors.InvalidInput("value for argument `curriculum`", expected, curriculum)
        options = {**options, "whole_files": True}
        share = share or sharing.Share(0, 1, 1)
    source = _call(name, make, seed, size, skip_bad, options)
    changes = {"image_size": size, "augment": policy, "mixup": mixup, "cutmix": cutmix}
    _check_images(name, source, [change for change, asked in changes.items() if asked])
    mix = None
    if mixup or cutmix:
        mix = mixer(mixup, cutmix, seed)
        source = _one_hot(name, source)
    augment = None
    if policy:
        augment = functools.partial(augmentation.augment, policy=policy, seed=seed)
    epoch = pipeline.epoch_counter()
    plan = None
    if shard == "file":
        plan = planning.Plan.of(source.train.lengths, share.total, batch_size)
    choose = curriculum and curriculum.chooser(source.train, seed)
    datasets = pipeline.of_splits(
        source, batch_size, seed, epoch, augment, mix, share, plan, choose
    )
    info = _info(name, make, source, datasets["train"], plan)
    find_bad = functools.partial(images.find_bad, source, seed, epoch)
    return Splits(**datasets, info=info, epoch=epoch, find_bad=find_bad)


def _maker(name):
    """The function that reads or makes what `name` means."""
    path = pathlib.Path(name)
    if name in catalog.SETS:
        return catalog.find(name)
    kind = "tfds" if name.startswith("tfds:") else "folder" if path.is_dir() else path.suffix
    if kind == "folder" and (path / "features.json").is_file():
        kind = ".tfrecord"
    module = {"tfds": "tfds", "folder": "folder", ".csv": "table", ".txt": "text"}
    module = (module | {".tfrecord": "records"}).get(kind)
    if module is None and len(path.parts) == 1 and not kind:
        errors.one_of("name of a dataset", name, catalog.names(), catalog.LISTER)
    if not name or module is None or not (kind == "tfds" or path.exists()):
        expected = "a data set's name, tfds:NAME, or an existing folder, .csv or .txt file"
        raise errors.InvalidInput("data", expected, name)
    return functools.partial(importlib.import_module(f"kerasdl.data.readers.{module}").read, name)


def _call(name, make, seed, size, skip_bad, options):
    known = inspect.signature(make).parameters
    bad_examples.Inspection(skip_bad)  # checks it where nothing can be bad, too
    for option in options:
        if option == "whole_files" and option not in known:
            raise errors.InvalidInput("data to share by file", "TFRecord files", name)
        names = [n for n in known if n not in ("seed", "image_size", "skip_bad", "whole_files")]
        names += [n for n in ("whole_files",) if n in options]
        errors.one_of(f"option for data set `{name}`", option, names)
    if "skip_bad" in known:
        options = {**options, "skip_bad": skip_bad}
    if "image_size" in known and size:
        return make(seed, image_size=size, **options)
    source = make(seed, **options)
    return images.resized(source, size) if size and _has_images(source) else source


def _has_images(source):
    if hasattr(source.train, "has_images"):
        return source.train.has_images
    inputs = source.train[0]
    return source.decode is not None or (isinstance(inputs, np.ndarray) and inputs.ndim == 4)


def _check_images(name, source, changes):
    if changes and not _has_images(source):
        raise errors.InvalidInput(f"argument `{changes[0]}`", "a data set of images for it", name)


def _one_hot(name, source):
    if source.task != "classification":
        raise errors.InvalidInput("argument `mixup` or `cutmix`", "one class an image", name)
    if hasattr(source.train, "parse"):
        encoded = {
            split: part and dataclasses.replace(part, classes=len(source.classes))
            for split, part in _parts(source).items()
        }
        return dataclasses.replace(source, **encoded)
    eye = np.eye(len(source.classes), dtype="float32")
    parts = _parts(source)
    return dataclasses.replace(source, **{s: p and (p[0], eye[p[1]]) for s, p in parts.items()})


def _parts(source):
    return {split: getattr(source, split) for split in ("train", "validation", "test")}


def _info(name, make, source: Source, train, plan):
    embedded = name in catalog.SETS
    card = catalog.card(name) if embedded else inspect.getdoc(make.func)
    shape = tf.nest.map_structure(lambda part: tuple(part.shape[1:]), train.element_spec[0])
    shared = {field.name for field in dataclasses.fields(Info)}
    shared &= {field.name for field in dataclasses.fields(Source)}
    known = {field: getattr(source, field) for field in shared}
    known["replicas"] = plan and plan.counts
    return Info(name=name, card=card, shape=shape, counts=source.counts(), **known)
