"""Read a folder of images, with a folder for each class."""

import errno
import os
import pathlib
import stat
import warnings
from typing import Any

import numpy as np
import PIL.Image

from kerasdl import errors
from kerasdl.data import bad_examples, images, splitting
from kerasdl.data.examples import Arrays, EncodedImages
from kerasdl.data.splits import NAMES, Source
from kerasdl.utils import checks

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp")
PILLOW = ("JPEG", "PNG", "GIF", "BMP")  # the formats that Pillow may read


def read(
    path, seed, image_size=(64, 64), validation=0.1, test=0.1, memory=2**30, skip_bad=False
) -> Source:
    """A folder of images of any size, with a folder for each class, named after it.

    The class folders may also be in folders `train`, `validation` and `test`; a missing validation
    or test split is cut from the training split. Images are grayscale if all files are.

    validation, test: float, fractions of the images, drawn with the seed and stratified by class.
    memory: int, bytes. Decoded images that fit are kept in memory; otherwise every epoch decodes
        them.
    skip_bad: bool, leave out images that cannot be read and classes without any. The others stay in
        the same splits. If images do not fit into `memory`, this decodes all of them once more.
    """
    checks.numbers(at_least=0, memory=memory)
    folder, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    given = {split: folder / split for split in NAMES if (folder / split).is_dir()}
    roots = given if "train" in given else {"train": folder}
    classes = _folders(roots["train"])
    found = {split: _files(root, classes, inspection) for split, root in roots.items()}
    fractions = [
        0 if split in roots else s for split, s in zip(NAMES[1:], (validation, test), strict=True)
    ]
    files, labels = found["train"]
    rows = splitting.rows_of_splits(labels, seed, *fractions)
    cut = {split: (files[part], labels[part]) for split, part in zip(NAMES, rows, strict=True)}
    parts = cut | {split: found[split] for split in NAMES[1:] if split in found}
    _check_enough(folder, parts)

    every = np.concatenate([files for files, _ in parts.values()])
    gray = {_is_gray(file, inspection) for file in every.tolist()} - {None}
    inspection.check()
    total = len(every) + len(inspection.found.difference(every.tolist()))
    channels = 1 if gray == {True} else 3
    decode = images.decoder(image_size, channels, are_files=True)
    keep = len(every) * np.prod(image_size) * channels <= memory
    pixels = {}
    for split, (files, labels) in parts.items():
        known = [row for row, file in enumerate(files.tolist()) if file not in inspection.found]
        files, labels = files[known], labels[known]
        if len(files) and (keep or skip_bad):
            good, pixels[split] = images.inspect(files, decode, files, inspection, keep)
            files, labels = files[good], labels[good]
        parts[split] = (files, labels)
    skipped = inspection.done(total, f"folder `{folder}`")
    _check_enough(folder, parts)
    names = {split: tuple(files.tolist()) for split, (files, _) in parts.items()}
    classes, parts = _of_classes_left(classes, parts)
    examples: dict[str, Any] = {
        split: None
        if not len(labels)
        else Arrays(pixels[split], labels)
        if keep
        else EncodedImages(files, labels, tuple(image_size), channels, True, files)
        for split, (files, labels) in parts.items()
    }
    return Source("classification", **examples, classes=classes, files=names, skipped=skipped)


def _folders(root):
    names = sorted(f.name for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    if len(names) < 2:
        expected = "a folder for each of at least two classes"
        raise errors.InvalidInput(f"folder `{root}`", expected, names or "no folder in it")
    for name in names:
        if (shown := _printable(name)) != name:
            raise errors.InvalidInput(f"class folder in `{root}`", "a name in UTF-8", shown)
    return tuple(names)


def _printable(name):
    """Return the name of a file with an escape for each byte that is not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _files(root, classes, inspection):
    files, labels = [], []
    for label, name in enumerate(classes):
        found = sorted(f for f in (root / name).rglob("*") if f.suffix.lower() in SUFFIXES)
        found = [str(file) for file in found if not file.name.startswith(".")]
        if not found:
            expected = f"images ({', '.join(SUFFIXES)})"
            subject = f"class folder `{root / name}`"
            inspection.bad(root / name, str(root / name), "empty class", subject, expected, "none")
        for file in found:
            if (shown := _printable(file)) != file:  # TensorFlow does not accept such names
                subject = f"image file `{shown}`"
                inspection.bad(file, shown, "name not UTF-8", subject, "a name in UTF-8", shown)
            else:
                files.append(file)
                labels.append(label)
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


def _is_gray(file, inspection):
    try:
        mode = os.stat(file).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, "no regular file")  # a pipe would wait for its writer
        # only the header is read here; it may state more pixels than fit into memory
        huge = PIL.Image.DecompressionBombWarning
        with (
            warnings.catch_warnings(action="error", category=huge),
            PIL.Image.open(file, formats=PILLOW) as image,
        ):
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
    """Return the classes that still have images, and the renumbered labels."""
    left = np.unique(np.concatenate([labels for _, labels in parts.values()]))
    renumbered = {
        split: (files, np.searchsorted(left, labels).astype("int32"))
        for split, (files, labels) in parts.items()
    }
    return tuple(classes[label] for label in left), renumbered
