"""A folder of class folders."""

import pathlib
import warnings

import numpy as np
import PIL.Image
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import bad_examples, images, splitting
from kerasdl.data.splits import Source

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp")
SPLITS = ("train", "validation", "test")


def read(
    path, seed, image_size=(64, 64), validation=0.1, test=0.1, memory=2**30, skip_bad=False
) -> Source:
    """Images of the user's: one folder a class, named after it, images of any size.

    If the folders are `train`, `validation` and `test`, these hold the class folders; what is
    missing of the last two is cut from the first. Grey images stay grey if all of them are.

    validation, test: Shares of the images, drawn by the seed, in the same shares for each class.
    memory: Bytes up to which the decoded images stay in memory; beyond, each epoch decodes them.
    skip_bad: Leave out images that cannot be read and classes without any; the others are in the
        splits that they would be in anyway. Beyond `memory`, this decodes all images once more.
    """
    folder, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    given = {split: folder / split for split in SPLITS if (folder / split).is_dir()}
    roots = given if "train" in given else {"train": folder}
    classes = _folders(roots["train"])
    found = {split: _files(root, classes, inspection) for split, root in roots.items()}
    shares = [
        0 if split in roots else s for split, s in zip(SPLITS[1:], (validation, test), strict=True)
    ]
    files, labels = found["train"]
    rows = splitting.rows_of_splits(labels, seed, *shares)
    cut = {split: (files[part], labels[part]) for split, part in zip(SPLITS, rows, strict=True)}
    parts = cut | {split: found[split] for split in SPLITS[1:] if split in found}
    _check_enough(folder, parts)

    every = np.concatenate([files for files, _ in parts.values()])
    greys = {_is_grey(file, inspection) for file in every.tolist()} - {None}
    inspection.check()
    total = len(every) + sum(key not in every for key in inspection.found)
    channels = 1 if greys == {True} else 3
    decode_content = images.decoder(image_size, channels)

    def decode(file):
        return decode_content(tf.io.read_file(file))

    keep = len(every) * np.prod(image_size) * channels <= memory
    pixels = {}
    for split, (files, labels) in parts.items():
        good = [row for row, file in enumerate(files.tolist()) if file not in inspection.found]
        files, labels = files[good], labels[good]
        if len(files) and (keep or skip_bad):
            good, pixels[split] = images.inspected(files, decode, files, inspection, keep)
            files, labels = files[good], labels[good]
        parts[split] = (files, labels)
    skipped = inspection.done(total, f"folder `{folder}`")
    _check_enough(folder, parts)
    names = {split: tuple(files.tolist()) for split, (files, _) in parts.items()}
    classes, parts = _of_classes_left(classes, parts)
    if keep:
        parts = {split: (pixels.get(split), labels) for split, (_, labels) in parts.items()}
        decode = None
    parts = {split: part if len(part[1]) else None for split, part in parts.items()}
    return Source(
        "classification",
        **parts,
        classes=classes,
        files=names,
        decode=decode,
        place=lambda split, row: names[split][row],
        skipped=skipped,
    )


def _folders(root):
    names = sorted(f.name for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    if len(names) < 2:
        expected = "a folder for each of at least two classes"
        raise errors.InvalidInput(f"folder `{root}`", expected, names or "no folder in it")
    return tuple(names)


def _files(root, classes, inspection):
    files, labels = [], []
    for label, name in enumerate(classes):
        found = sorted(f for f in (root / name).rglob("*") if f.suffix.lower() in SUFFIXES)
        found = [str(file) for file in found if not file.name.startswith(".")]
        if not found:
            expected = f"images ({', '.join(SUFFIXES)})"
            subject = f"class folder `{root / name}`"
            inspection.bad(root / name, str(root / name), "empty class", subject, expected, "none")
        files += found
        labels += [label] * len(found)
    for folder in sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".")):
        if folder.name not in classes:
            expected = f"one of the classes to train on, {', '.join(classes)}"
            subject = f"class folder `{folder}`"
            note = (str(folder), "unknown class", subject, expected, folder.name)
            inspection.bad(folder, *note)
    inspection.check()
    return np.array(files, str), np.array(labels, "int32")


def _check_enough(folder, parts):
    if not len(parts["train"][0]) or not len(parts["test"][0]):
        received = f"{sum(len(files) for files, _ in parts.values())} images"
        raise errors.InvalidInput(f"folder `{folder}`", "enough images to train and test", received)


def _is_grey(file, inspection):
    try:
        # a header, which is all that is read here, may claim more pixels than memory holds
        huge = PIL.Image.DecompressionBombWarning
        with warnings.catch_warnings(action="error", category=huge), PIL.Image.open(file) as image:
            return image.mode in ("1", "L", "I", "I;16")
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError):
        expected = f"an image of at most {PIL.Image.MAX_IMAGE_PIXELS:,} pixels"
        inspection.bad(file, file, "huge image", f"image file `{file}`", expected, "more")
    except (OSError, ValueError, SyntaxError) as error:
        received, reason = _what_it_is(file, error)
        inspection.bad(file, file, reason, f"image file `{file}`", images.FORMATS, received)
    return None


def _what_it_is(file, error):
    if not isinstance(error, PIL.UnidentifiedImageError) and getattr(error, "strerror", None):
        return error.strerror, "unreadable file"
    with open(file, "rb") as content:
        start = content.read(16)
    if start:
        return f"a file that starts with {start}", "unreadable image"
    return "an empty file", "empty file"


def _of_classes_left(classes, parts):
    """Without the classes of which nothing is left."""
    left = np.unique(np.concatenate([labels for _, labels in parts.values()]))
    renumbered = {
        split: (files, np.searchsorted(left, labels).astype("int32"))
        for split, (files, labels) in parts.items()
    }
    return tuple(classes[label] for label in left), renumbered
