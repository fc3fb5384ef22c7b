"""Read a folder of images, with a folder for each class or a table of their classes."""

import errno
import glob
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
from kerasdl.data.readers import table
from kerasdl.data.splits import NAMES, Source
from kerasdl.utils import checks

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
PILLOW = ("JPEG", "PNG", "GIF", "BMP", "WEBP")  # the formats that Pillow may read


def read(
    path,
    seed,
    image_size=(64, 64),
    target=None,
    task=None,
    validation=0.1,
    test=0.1,
    memory=2**30,
    skip_bad=False,
) -> Source:
    """A folder of images of any size, with a folder for each class, named after it.

    The class folders may also be in folders `train`, `validation` and `test`; a missing validation
    or test split is cut from the training split. Instead of class folders, there may be one .csv or
    .tsv file with names of images and their classes. Several columns of zeros and ones there are
    tags, of which an image may have any number, as are words that semicolons separate. Or the path
    may be a pattern such as `photos/*/*.jpg`, whose images belong to the classes that their folders
    are named after.

    Images are grayscale if all files are; transparent pixels are white, an animation is its first
    frame, and a photograph is turned as its camera noted.

    target: str, the column of classes in the .csv file, or those of tags with commas between them;
        by default all besides the names.
    task: str, "classification" or "tags", if the column is not what it seems.
    validation, test: float, fractions of the images, drawn with the seed and stratified by class.
        `validation` may also be another folder with the same class folders.
    memory: int, bytes. Decoded images that fit are kept in memory; otherwise every epoch decodes
        them.
    skip_bad: bool, leave out images that cannot be read and classes without any. The others stay in
        the same splits. If images do not fit into `memory`, this decodes all of them once more.
    """
    checks.numbers(at_least=0, memory=memory)
    folder, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    if not folder.is_dir():
        classes, found = _by_pattern(path, inspection)
    elif file := _label_file(folder):
        classes, found = _by_label_file(folder, file, target, inspection, task)
    else:
        given = {split: folder / split for split in NAMES if (folder / split).is_dir()}
        roots = given if "train" in given else {"train": folder}
        classes = _folders(roots["train"])
        found = {split: _files(root, classes, inspection) for split, root in roots.items()}
    kind = "tags" if found["train"][1].ndim == 2 else "classification"
    if isinstance(validation, (str, os.PathLike)):
        other = pathlib.Path(validation)
        if not other.is_dir() or kind == "tags":
            expected = "a fraction, or a folder with a folder of images for each class"
            raise errors.InvalidInput("option `validation`", expected, validation)
        found["validation"] = _files(other, classes, inspection)
    fractions = [
        0 if split in found else s for split, s in zip(NAMES[1:], (validation, test), strict=True)
    ]
    files, labels = found["train"]
    strata = np.zeros(len(labels)) if kind == "tags" else labels
    rows = splitting.rows_of_splits(strata, seed, *fractions)
    cut = {split: (files[part], labels[part]) for split, part in zip(NAMES, rows, strict=True)}
    parts = cut | {split: found[split] for split in NAMES[1:] if split in found}
    _check_enough(folder, parts)

    every = np.concatenate([files for files, _ in parts.values()])
    gray = {is_gray(file, inspection) for file in every.tolist()} - {None}
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
    if kind == "classification":
        classes, parts = _of_classes_left(classes, parts)
    examples: dict[str, Any] = {
        split: None
        if not len(labels)
        else Arrays(pixels[split], labels)
        if keep
        else EncodedImages(files, labels, tuple(image_size), channels, True, files)
        for split, (files, labels) in parts.items()
    }
    return Source(kind, **examples, classes=classes, files=names, skipped=skipped)


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


def _by_pattern(pattern, inspection):
    """Return the classes and the images of a pattern, which are in a folder for each class."""
    found = sorted(filter(_is_image, map(pathlib.Path, glob.glob(str(pattern), recursive=True))))
    classes = tuple(sorted({file.parent.name for file in found}))
    if len(classes) < 2:
        expected = "a pattern of images in a folder for each of at least two classes"
        raise errors.InvalidInput(f"data `{pattern}`", expected, classes or "no image")
    pairs = [(str(file), classes.index(file.parent.name)) for file in found]
    return classes, {"train": _labeled(pairs, inspection)}


def _is_image(file):
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _label_file(folder):
    """Return the only table in a folder without class folders, or None."""
    files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    tables = [file for file in files if file.suffix.lower() in table.SEPARATED]
    few = sum(file.is_dir() for file in files) < 2
    return tables[0] if len(tables) == 1 and few else None


def _by_label_file(folder, file, target, inspection, task=None):
    """Return the classes and the images that a table names, in the order of its lines."""
    lines, cells = table.read_rows(file, inspection, ())
    names = [n for n, column in cells.items() if column and _find(folder, column[0])]
    if not names:
        expected = f"a column with names of images ({', '.join(SUFFIXES)}) in `{folder}`"
        raise errors.InvalidInput(f"file `{file}`", expected, f"columns {', '.join(cells)}")
    others = [name for name in cells if name != names[0]]
    targets = others if target is None else [target] if target in others else table.names_of(target)
    several = len(targets) > 1
    holds = set(targets) <= set(others) and targets
    if not holds or (several and not all(set(cells[name]) <= {"0", "1"} for name in targets)):
        expected = f"option `target` to be one of the columns {', '.join(others) or '(none)'}"
        expected += ", or several of 0 and 1" if several and target else ""
        raise errors.InvalidInput(f"classes in `{file}`", expected, target)
    if several:
        classes, labels = tuple(targets), np.array([cells[name] for name in targets], "float32").T
    else:
        classes, labels = _labels_of(file, targets[0], cells[targets[0]], task)
    pairs = []
    for line, name, label in zip(lines, cells[names[0]], labels, strict=True):
        image, subject, place = _find(folder, name), f"line {line} of `{file}`", f"line {line}"
        if not image:
            expected = f"the name of an image in `{folder}`"
            inspection.bad(place, place, "no such image", subject, expected, name)
        elif labels.ndim == 1 and label < 0:
            expected = f"a class in column `{targets[0]}`"
            inspection.bad(place, place, "missing value", subject, expected, "none")
        else:
            pairs.append((str(image), label))
    return classes, {"train": _labeled(pairs, inspection)}


def _labels_of(file, target, words, task):
    """Return the classes or tags in a column, and those of each line; -1 for no class."""
    if task is not None:
        checks.choices(("classification", "tags"), task=task)
    words = ["" if word in table.MISSING else word for word in words]
    if task == "tags" or (task is None and any(table.TAGS in word for word in words)):
        return table.tags_of(f"column `{target}` of `{file}`", words)
    classes = tuple(sorted(set(words) - {""}))
    if len(classes) < 2:
        raise errors.InvalidInput(f"column `{target}` of `{file}`", "at least two classes", classes)
    numbers = {"": -1, **{name: number for number, name in enumerate(classes)}}
    return classes, np.array([numbers[word] for word in words], "int32")


def _find(folder, name):
    """Return the file of an image that a table names, perhaps without its ending."""
    for ending in ("", *SUFFIXES):
        file = folder / f"{name}{ending}"
        if _is_image(file) and file.is_file() and file.resolve().is_relative_to(folder.resolve()):
            return file
    return None


def _files(root, classes, inspection):
    pairs = []
    for label, name in enumerate(classes):
        found = sorted(map(str, filter(_is_image, (root / name).rglob("*"))))
        if not found:
            expected = f"images ({', '.join(SUFFIXES)})"
            subject = f"class folder `{root / name}`"
            inspection.bad(root / name, str(root / name), "empty class", subject, expected, "none")
        pairs += [(file, label) for file in found]
    files, labels = _labeled(pairs, inspection, check=False)
    for folder in sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".")):
        if folder.name not in classes:
            expected = f"one of the classes to train on, {', '.join(classes)}"
            subject = f"class folder `{folder}`"
            note = (str(folder), "unknown class", subject, expected, folder.name)
            inspection.bad(folder, *note)
    inspection.check()
    return files, labels


def _labeled(pairs, inspection, check=True):
    """Return arrays of the names and labels of files; TensorFlow needs names in UTF-8."""
    files, labels = [], []
    for file, label in pairs:
        if (shown := _printable(file)) != file:
            subject = f"image file `{shown}`"
            inspection.bad(file, shown, "name not UTF-8", subject, "a name in UTF-8", shown)
        else:
            files.append(file)
            labels.append(label)
    if check:
        inspection.check()
    dtype = "float32" if labels and np.ndim(labels[0]) else "int32"
    return np.array(files, str), np.array(labels, dtype)


def _check_enough(folder, parts):
    files = {split: names for split, (names, _) in parts.items()}
    splitting.check_enough(f"folder `{folder}`", files, "images")


def check_fits(memory: int, count: int, image_size: tuple[int, int], size: int) -> None:
    """Raise `InvalidInput` unless images fit into the option `memory`.

    Args:
        memory: int, bytes.
        count: int, number of images.
        image_size: (height, width) of each.
        size: int, bytes of a pixel.
    """
    needed = count * image_size[0] * image_size[1] * size
    if needed > memory:
        expected = f"at least {needed:,} bytes for {count:,} images of {image_size}"
        raise errors.InvalidInput("value for option `memory`", expected, memory)


def is_gray(file, inspection):
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
