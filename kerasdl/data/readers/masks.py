"""Read images and, for each, a mask of the same name with the class of each pixel."""

import pathlib
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

from kerasdl import errors
from kerasdl.data import bad_examples, images, splitting
from kerasdl.data.readers import folder as image_folder
from kerasdl.data.splits import NAMES, Source
from kerasdl.utils import checks

IMAGES, MASKS, CLASSES = "images", "masks", "classes.txt"
SUFFIXES = (".png", ".bmp", ".gif", ".tif", ".tiff")  # not JPEG, which mixes neighboring classes
FORMATS = ("PNG", "BMP", "GIF", "TIFF")
NUMBERED = ("1", "L", "P", "I", "I;16")  # modes whose pixels are numbers, not colors
VOID = 255  # by convention, what nobody labeled
MOST_COLORS = 256
FIRST_COLOR = 2**16  # the code of black; those of gray levels are below
BACKGROUND = ("background", "_background_")


class Pair(NamedTuple):
    """The files of an image and of its mask."""

    image: str
    mask: pathlib.Path


def is_folder(path: pathlib.Path) -> bool:
    """Return whether a folder holds images and masks."""
    return any((place / MASKS).is_dir() for place in (path, path / "train"))


def read(
    path,
    seed,
    image_size=(64, 64),
    classes=None,
    validation=0.1,
    test=0.1,
    memory=2**30,
    skip_bad=False,
) -> Source:
    """A folder `images`, and a folder `masks` with a mask of the same name for each image.

    A mask is a PNG, BMP, GIF or TIFF file of the size of its image. Its gray levels or palette
    numbers are the classes of the pixels; 0 is the background. In masks of 0 and 255, 255 is the
    only class. Beside other numbers, 255 marks pixels without a class, which count as background.
    Colors, and gray levels with large gaps, are numbered in order. Both folders may also be in
    folders `train`, `validation` and `test`; a missing validation or test split is cut from the
    training split. Images are cropped to the shape of `image_size` and scaled, masks with them.

    classes: str, names of the classes without the background, with commas between them; by default
        the lines of a file `classes.txt` in the folder, or else "class 1", "class 2", ...
    validation, test: float, fractions of the images, drawn with the seed.
    memory: int, bytes, which all images and masks must fit into.
    skip_bad: bool, leave out images without a mask, masks without an image, and those that cannot
        be read or have another size than their image.
    """
    checks.numbers(at_least=0, memory=memory)
    root, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    given = {split: root / split for split in NAMES if (root / split / MASKS).is_dir()}
    roots = given if "train" in given else {"train": root}
    parts = splitting.cut(
        {split: _pairs(p, inspection) for split, p in roots.items()}, seed, validation, test
    )
    count = sum(map(len, parts.values()))
    total = count + inspection.count
    splitting.check_enough(f"folder `{root}`", parts, "images with masks")
    kinds = {_kind(pair, inspection) for part in parts.values() for pair in part}
    inspection.check()
    channels = 1 if kinds - {None} == {"gray"} else 3
    image_folder.check_fits(memory, count, image_size, channels + 4)  # a mask has four bytes
    decode = images.decoder(image_size, channels, are_files=True)
    read = {split: _read(part, decode, image_size, inspection) for split, part in parts.items()}
    skipped = inspection.done(total, f"folder `{root}`")
    splitting.check_enough(
        f"folder `{root}`",
        {split: files for split, (files, *_) in read.items()},
        "images with masks",
    )
    codes = np.unique(np.concatenate([np.unique(masks) for _, _, masks in read.values()]))
    classes, numbers, notes = _meaning(root, codes, _names(root, classes))
    examples: dict[str, Any] = {
        split: (pixels, numbers[np.searchsorted(codes, masks)]) if len(files) else None
        for split, (files, pixels, masks) in read.items()
    }
    places = {split: tuple(files.tolist()) for split, (files, *_) in read.items()}
    return Source("masks", **examples, classes=classes, files=places, skipped=skipped, notes=notes)


def _pairs(root, inspection):
    """Return the pairs of a folder, in the order of their names."""
    for name in (IMAGES, MASKS):
        if not (root / name).is_dir():
            expected = f"folders `{IMAGES}` and `{MASKS}` in it"
            raise errors.InvalidInput(f"folder `{root}`", expected, f"no folder `{name}`")
    found = _by_name(root / IMAGES, image_folder.SUFFIXES)
    masks = _by_name(root / MASKS, SUFFIXES)
    for name in sorted(found.keys() ^ masks.keys()):
        file = str(found.get(name) or masks[name])
        if name in found:
            reason, expected = "no mask", f"a mask `{name}` ({', '.join(SUFFIXES)}) beside it"
        else:
            reason, expected = "no image", f"an image `{name}` beside it"
        inspection.bad(file, file, reason, f"file `{file}`", expected, "none")
    both = sorted(found.keys() & masks.keys())
    return [Pair(str(found[name]), masks[name]) for name in both]


def _by_name(folder, suffixes):
    """Return the files in a folder that have one of some endings, by name without the ending."""
    return {
        file.relative_to(folder).with_suffix("").as_posix(): file
        for file in folder.rglob("*")
        if file.suffix.lower() in suffixes and not file.name.startswith(".")
    }


def _kind(pair, inspection):
    """Return "gray" or "color", the kind of an image; None if a file is no image or they differ."""
    gray = image_folder.is_gray(pair.image, inspection)
    if gray is None:
        return None
    try:
        with PIL.Image.open(pair.mask, formats=FORMATS) as mask:
            given = mask.size
    except (OSError, ValueError, SyntaxError) as error:
        return _unreadable(pair, error, inspection)
    height, width = images.seen_size(pair.image, image_folder.PILLOW)
    if (width, height) != given:
        expected = f"{width} x {height} pixels, the size of its image"
        reason, received = "mask of another size", f"{given[0]} x {given[1]}"
        inspection.bad(
            pair.image, str(pair.mask), reason, f"mask `{pair.mask}`", expected, received
        )
        return None
    return "gray" if gray else "color"


def _unreadable(pair, error, inspection):
    expected = f"a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"
    received = " ".join(str(error).split())
    place, reason = str(pair.mask), "unreadable mask"
    inspection.bad(pair.image, place, reason, f"mask `{place}`", expected, received)


def _read(part, decode, size, inspection):
    """Return the image files of a split, their pixels, and the codes of their masks."""
    part = [pair for pair in part if pair.image not in inspection.found]
    masks = [_codes(pair, size, inspection) for pair in part]
    known = [row for row, mask in enumerate(masks) if mask is not None]
    files = np.array([part[row].image for row in known], str)
    if not len(files):
        return files, None, np.zeros((0, *size), "int64")
    good, pixels = images.inspect(files, decode, files, inspection)
    return files[good], pixels, np.array([masks[known[row]] for row in good])


def _codes(pair, size, inspection):
    """Return a number for each pixel of a mask, which is the same for the same class."""
    try:
        with PIL.Image.open(pair.mask, formats=FORMATS) as mask:
            numbered = mask.mode in NUMBERED
            pixels = np.asarray(mask if numbered else mask.convert("RGB")).astype("int64")
    except Exception as error:  # Pillow raises any kind for a damaged image
        return _unreadable(pair, error, inspection)
    if not numbered:
        pixels = pixels @ [2**16, 2**8, 1] + FIRST_COLOR
    rows, columns = (  # nearest to the centers of the scaled pixels
        start + ((np.arange(count) + 0.5) * side / count).astype(int)
        for start, side, count in zip(*images.window(pixels.shape, size), size, strict=True)
    )
    return pixels[np.ix_(rows, columns)]


def _names(root, classes):
    """Return the names of the classes that the option or the file gives, or None."""
    file = root / CLASSES
    if classes is not None:
        checks.check("classes", classes, isinstance(classes, str), "a text with commas")
        names = [name.strip() for name in classes.split(",")]
    elif file.is_file():
        lines = file.read_text(encoding="utf-8").splitlines()
        names = [line.strip() for line in lines if line.strip()]
    else:
        return None
    if names and names[0].lower() in BACKGROUND:
        names = names[1:]
    if not names or len(set(names)) < len(names) or "" in names:
        raise errors.InvalidInput(f"classes of `{root}`", "a different name for each class", names)
    return tuple(names)


def _meaning(root, codes, names):
    """Return the names of the classes, the class of each code, and notes about both."""
    if len(codes) > MOST_COLORS:
        expected = f"at most {MOST_COLORS} classes (was a mask saved as JPEG before?)"
        raise errors.InvalidInput(f"masks in `{root}`", expected, f"{len(codes):,} colors")

    def are_classes(levels):
        """Return whether the numbers are those of the classes, rather than shades or colors."""
        return len(levels) > 1 and levels.max() <= (len(names) if names else 2 * len(levels))

    others, notes = codes[codes != VOID], []
    if are_classes(others):
        numbers = np.where(codes == VOID, 0, codes).astype("int32")
        if VOID in codes:
            notes.append(f"{VOID} in the masks marks pixels without a class: background")
    else:
        numbers = np.arange(len(codes), dtype="int32")
        if codes.tolist() != [0, VOID]:
            listed = ", ".join(map(_described, codes))
            notes.append(f"colors of the masks, from the background to the last class: {listed}")
    count = int(numbers.max())
    if not count:
        raise errors.InvalidInput(f"masks in `{root}`", "at least two classes", "background alone")
    if names and len(names) < count:
        expected = f"names of {count} classes besides the background"
        raise errors.InvalidInput(f"classes of `{root}`", expected, ", ".join(names))
    return names or tuple(f"class {i}" for i in range(1, count + 1)), numbers, tuple(notes)


def _described(code):
    color = int(code) - FIRST_COLOR
    return f"#{color:06x}" if color >= 0 else str(code)
