"""A folder of class folders."""

import pathlib

import numpy as np
import PIL.Image
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import cutting, images
from kerasdl.data.splits import Source

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp")
SPLITS = ("train", "validation", "test")


def read(path, seed, image_size=(64, 64), validation=0.1, test=0.1, memory=2**30):
    """Images of the user's: one folder a class, named after it, images of any size.

    If the folders are `train`, `validation` and `test`, these hold the class folders; what is
    missing of the last two is cut from the first. Grey images stay grey if all of them are.

    validation, test: Shares of the images, drawn by the seed, in the same shares for each class.
    memory: Bytes up to which the decoded images stay in memory; beyond, each epoch decodes them.
    """
    folder = pathlib.Path(path)
    given = {split: folder / split for split in SPLITS if (folder / split).is_dir()}
    roots = given if "train" in given else {"train": folder}
    classes = _folders(roots["train"])
    found = {split: _files(root, classes) for split, root in roots.items()}
    shares = [
        0 if split in roots else s for split, s in zip(SPLITS[1:], (validation, test), strict=True)
    ]
    files, labels = found["train"]
    rows = cutting.rows_of_splits(labels, seed, *shares)
    cut = {split: (files[part], labels[part]) for split, part in zip(SPLITS, rows, strict=True)}
    parts = cut | {split: found[split] for split in SPLITS[1:] if split in found}
    if not len(parts["train"][0]) or not len(parts["test"][0]):
        expected = "enough images to train and to test"
        raise errors.InvalidInput(f"folder `{folder}`", expected, f"{len(files)} images")

    every = np.concatenate([files for files, _ in parts.values()])
    channels = 1 if {_is_grey(file) for file in every} == {True} else 3
    decode_content = images.decoder(image_size, channels)

    def decode(file):
        return decode_content(tf.io.read_file(file))

    names = {split: tuple(files.tolist()) for split, (files, _) in parts.items()}
    if len(every) * np.prod(image_size) * channels <= memory:
        for split, (files, labels) in parts.items():
            if len(files):
                parts[split] = (images.pixels(files, decode, files), labels)
        decode = None
    parts = {split: part if len(part[0]) else None for split, part in parts.items()}
    return Source("classification", **parts, classes=classes, files=names, decode=decode)


def _folders(root):
    names = sorted(f.name for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    if len(names) < 2:
        expected = "a folder for each of at least two classes"
        raise errors.InvalidInput(f"folder `{root}`", expected, names or "no folder in it")
    return tuple(names)


def _files(root, classes):
    files, labels = [], []
    for label, name in enumerate(classes):
        found = sorted(f for f in (root / name).rglob("*") if f.suffix.lower() in SUFFIXES)
        found = [str(file) for file in found if not file.name.startswith(".")]
        if not found:
            expected = f"images ({', '.join(SUFFIXES)})"
            raise errors.InvalidInput(f"class folder `{root / name}`", expected, "none")
        files += found
        labels += [label] * len(found)
    return np.array(files), np.array(labels, "int32")


def _is_grey(file):
    try:
        with PIL.Image.open(file) as image:  # reads the header only
            return image.mode in ("1", "L", "I", "I;16")
    except OSError:
        with open(file, "rb") as content:
            start = content.read(16)
        expected = "a JPEG, PNG, GIF or BMP image"
        received = f"a file that starts with {start}" if start else "an empty file"
        raise errors.InvalidInput(f"image file `{file}`", expected, received) from None
