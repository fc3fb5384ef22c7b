"""Read images with a box around each object: COCO json, YOLO txt and Pascal VOC xml files."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np

from kerasdl import errors
from kerasdl.data import bad_examples, images, splitting
from kerasdl.data.readers import folder as image_folder
from kerasdl.data.splits import Source
from kerasdl.utils import checks

# other names that tools give to the splits
SPLITS = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}
IMAGES = ("images", "JPEGImages")
LABELS, ANNOTATIONS = "labels", ("annotations", "Annotations")
LARGEST = 2**28  # bytes of a file of annotations
SLACK = 0.01  # fraction of the image by which a box may reach beyond it, which rounding explains
LEFT = 0.25  # fraction of a box that must be left when its image is cropped


@dataclasses.dataclass
class Picture:
    """An image and its objects.

    Args:
        file: The image.
        place: str, where its annotations are, for messages.
        boxes: list of (class, x1, y1, x2, y2); the class is a name or a number.
        pixels: bool, whether the boxes are pixels; otherwise they are fractions.
    """

    file: pathlib.Path
    place: str
    boxes: list
    pixels: bool


def format_of(path: pathlib.Path) -> str | None:
    """Return the format of the boxes in a folder or file: "coco", "yolo", "voc"; None without."""
    if path.suffix.lower() == ".json":
        return "coco" if path.is_file() else None
    if not path.is_dir():
        return None
    for place in (path, *(path / name for names in SPLITS.values() for name in names)):
        if any(_jsons(place)):
            return "coco"
        if (place / LABELS).is_dir():
            return "yolo"
        if any(next((place / name).rglob("*.xml"), None) for name in ANNOTATIONS):
            return "voc"
    return None


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
    """Images with a box around each object, as three kinds of files describe them.

    COCO: a .json file with `images`, `annotations` and `categories`, or a folder with one; the
    images are in the same folder or in one beside it. YOLO: folders `images` and `labels`, a .txt
    file for each image, and the names of the classes in `data.yaml` or `classes.txt`. Pascal VOC:
    folders `JPEGImages` and `Annotations` (or `images` and `annotations`) with an .xml file for
    each image. Each may also be in folders `train`, `validation` (`valid`, `val`) and `test`; a
    missing validation or test split is cut from the training split.

    Images are cropped to the shape of `image_size` and scaled, with their boxes. An object of which
    less than a quarter is left is dropped. Images without an object are kept.

    classes: str, names of the classes to find, with commas between them; by default all.
    validation, test: float, fractions of the images, drawn with the seed.
    memory: int, bytes, which all images must fit into.
    skip_bad: bool, leave out boxes that are empty, outside of their image or of an unknown class,
        and images that are missing or cannot be read.
    """
    checks.numbers(at_least=0, memory=memory)
    root, inspection = pathlib.Path(path), bad_examples.Inspection(skip_bad)
    reader = {"coco": _coco, "yolo": _yolo, "voc": _voc}[format_of(root) or "coco"]
    pictures, names = _pictures(root, reader, inspection)
    names = _chosen(root, names, classes)
    parts = splitting.cut(pictures, seed, validation, test)
    count = sum(map(len, parts.values()))
    splitting.check_enough(f"data `{root}`", parts, "images with annotations")
    kinds = {
        image_folder.is_gray(str(picture.file), inspection)
        for part in parts.values()
        for picture in part
    }
    inspection.check()
    channels = 1 if kinds - {None} == {True} else 3
    image_folder.check_fits(memory, count, image_size, channels)
    decode = images.decoder(image_size, channels, are_files=True)
    read = {
        split: _read(part, names, decode, image_size, inspection) for split, part in parts.items()
    }
    boxes = sum(len(picture.boxes) for part in parts.values() for picture in part)
    skipped = inspection.done(count + boxes, f"data `{root}`")
    splitting.check_enough(
        f"data `{root}`",
        {split: files for split, (files, *_) in read.items()},
        "images with annotations",
    )
    most = max(1, *(len(each) for _, _, found in read.values() for each in found))
    examples: dict[str, Any] = {
        split: (pixels, _targets(found, most)) if len(files) else None
        for split, (files, pixels, found) in read.items()
    }
    places = {split: tuple(files.tolist()) for split, (files, *_) in read.items()}
    return Source("boxes", **examples, classes=names, files=places, skipped=skipped)


def _pictures(root, reader: Callable, inspection):
    """Return the pictures of each split, and the names of the classes."""
    names: tuple[str, ...] = ()
    found: dict[str, list] = {}
    if root.is_file():
        found["train"], names = reader(root, inspection)
        return found, names
    for split, folders in SPLITS.items():
        for folder in folders:
            for place in (root / folder, *(root / name / folder for name in IMAGES)):
                if place.is_dir() and split not in found:
                    found[split], more = reader(place, inspection)
                    names = tuple(dict.fromkeys((*names, *more)))
    if "train" not in found:
        found["train"], names = reader(root, inspection)
    return found, names


def _jsons(folder):
    """Yield the COCO files in a folder, and those in its folder `annotations`."""
    for place in (folder, folder / ANNOTATIONS[0]):
        for file in sorted(place.glob("*.json")) if place.is_dir() else ():
            if '"annotations"' in _text(file):
                yield file


def _text(file):
    """Return the text of a file that describes boxes, unless the file is huge."""
    if file.stat().st_size > LARGEST:
        expected = f"at most {LARGEST:,} bytes"
        raise errors.InvalidInput(f"file `{file}`", expected, f"{file.stat().st_size:,}")
    return file.read_text(encoding="utf-8", errors="replace")


def _coco(path, inspection):
    """Return the pictures of a COCO file, or of the files in a folder, and the classes."""
    files = [path] if path.is_file() else [*_jsons(path)]
    pictures, names = [], {}
    for file in files:
        try:
            content = json.loads(_text(file))
            listed = {each["id"]: each for each in content["images"]}
            kinds = {each["id"]: str(each["name"]) for each in content["categories"]}
            of_image: dict[Any, list] = {each: [] for each in listed}
            for each in content["annotations"]:
                x, y, width, height = map(float, each["bbox"])
                box = (kinds.get(each["category_id"]), x, y, x + width, y + height)
                of_image.setdefault(each["image_id"], []).append(box)
        except (ValueError, TypeError, KeyError) as error:
            expected = "COCO json with images, annotations and categories"
            raise errors.InvalidInput(f"file `{file}`", expected, repr(error)) from error
        names |= dict.fromkeys(kinds.values())
        places = [file.parent, *(file.parent / n for n in IMAGES)]
        if file.parent.name == ANNOTATIONS[0]:  # annotations/instances.json beside images/
            places += [file.parents[1], *(file.parents[1] / n for n in IMAGES)]
        for number, boxes in of_image.items():
            name = listed.get(number, {}).get("file_name", f"image {number}")
            if image := _found(str(name), places, file, inspection):
                pictures.append(Picture(image, f"`{file}`", boxes, pixels=True))
    return pictures, tuple(names)


def _yolo(root, inspection):
    """Return the pictures of a folder with `images` and `labels`, and the classes."""
    place, part = (root, "")
    if not (root / LABELS).is_dir():  # images/train beside labels/train
        place, part = root.parents[1], root.name
    pictures = []
    for image in _images(place / "images" / part):
        file = place / LABELS / part / f"{image.stem}.txt"
        boxes = []
        for number, line in enumerate(_text(file).splitlines() if file.is_file() else (), 1):
            try:
                kind, x, y, width, height = line.split()[:5]
                x, y, width, height = map(float, (x, y, width, height))
                corners = x - width / 2, y - height / 2, x + width / 2, y + height / 2
                boxes.append((int(kind), *corners))
            except ValueError:
                if line.strip():
                    where, expected = f"line {number} of `{file}`", "class x y width height"
                    inspection.bad((str(file), number), where, "no box", where, expected, line)
        pictures.append(Picture(image, f"`{file}`", boxes, pixels=False))
    names = _yolo_names(place) or _yolo_names(place.parent)
    if not names:
        expected = "names of the classes in `data.yaml` or `classes.txt`"
        raise errors.InvalidInput(f"folder `{place}`", expected, "neither")
    for picture in pictures:
        picture.boxes = [
            (names[kind] if 0 <= kind < len(names) else f"number {kind}", *box)
            for kind, *box in picture.boxes
        ]
    return pictures, names


def _yolo_names(folder):
    """Return the names in `classes.txt`, or in the `names` of `data.yaml`, which is a list."""
    file = folder / "classes.txt"
    if file.is_file():
        return tuple(line.strip() for line in _text(file).splitlines() if line.strip())
    file = folder / "data.yaml"
    if not file.is_file():
        return ()
    text = _text(file)
    if found := re.search(r"^names:\s*[\[{](.*?)[\]}]", text, re.MULTILINE | re.DOTALL):
        parts = found[1].split(",")
    else:
        found = re.search(r"^names:\s*\n((?:[ \t]*(?:-|\d+:)[^\n]*\n?)+)", text, re.MULTILINE)
        parts = found[1].splitlines() if found else []
    names = (re.sub(r"^\s*(?:-|\d+\s*:)?\s*", "", part).strip().strip("'\"") for part in parts)
    return tuple(name for name in names if name)


def _voc(root, inspection):
    """Return the pictures of a folder of Pascal VOC xml files, and the classes."""
    pictures, names = [], {}
    folder = next((root / name for name in ANNOTATIONS if (root / name).is_dir()), root)
    for file in sorted(folder.rglob("*.xml")):
        try:
            tree = ElementTree.fromstring(_text(file))
            name = tree.findtext("filename") or f"{file.stem}.jpg"
            boxes = []
            for each in tree.iter("object"):
                box = each.find("bndbox")
                sides = [float(box.findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax")]
                # the first pixel is number 1, and the last one belongs to the box
                boxes.append((each.findtext("name"), sides[0] - 1, sides[1] - 1, *sides[2:]))
        except (ElementTree.ParseError, TypeError, ValueError, AttributeError) as error:
            expected = "xml of Pascal VOC, with a bndbox in each object"
            subject, received = f"file `{file}`", " ".join(str(error).split()) or "no box"
            inspection.bad(str(file), str(file), "unreadable xml", subject, expected, received)
            continue
        names |= dict.fromkeys(sorted(str(kind) for kind, *_ in boxes))
        places = [root, *(root / n for n in IMAGES), file.parent]
        if image := _found(name, places, file, inspection):
            pictures.append(Picture(image, f"`{file}`", boxes, pixels=True))
    return pictures, tuple(sorted(names))


def _found(name, places, file, inspection):
    """Return the image that a file of annotations names; note one that is in none of the places.

    A name that leads out of a place is not followed.
    """
    for place in places:
        image = place / name
        if image.is_file() and image.resolve().is_relative_to(place.resolve()):
            return image
    expected = f"an image in `{places[0]}` or a folder `{IMAGES[0]}`"
    inspection.bad((str(file), name), name, "no such image", f"image of `{file}`", expected, name)
    return None


def _images(folder) -> Iterator[pathlib.Path]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in image_folder.SUFFIXES and not file.name.startswith("."):
            yield file


def _chosen(root, names, classes):
    """Return the names of the classes to find."""
    if classes is not None:
        checks.check("classes", classes, isinstance(classes, str), "a text with commas")
        chosen = tuple(name.strip() for name in classes.split(","))
        for name in chosen:
            errors.one_of(f"class of `{root}`", name, names)
        return chosen
    if not names:
        raise errors.InvalidInput(f"data `{root}`", "at least one class", "none")
    return names


def _read(part, names, decode, size, inspection):
    """Return the files of a split, their pixels, and their boxes as (class, x1, y1, x2, y2)."""
    part = [picture for picture in part if str(picture.file) not in inspection.found]
    files = np.array([str(picture.file) for picture in part], str)
    if not len(files):
        return files, None, []
    good, pixels = images.inspect(files, decode, files, inspection)
    found = [_boxes(part[row], names, size, inspection) for row in good]
    inspection.check()
    return files[good], pixels, found


def _boxes(picture, names, size, inspection):
    """Return the boxes of a picture as fractions of what is seen of it."""
    height, width = images.seen_size(picture.file, image_folder.PILLOW)
    pixels = np.array([width, height])
    whole = pixels if picture.pixels else np.ones(2)
    start, window = (part[::-1] / pixels for part in images.window((height, width), size))
    kept = []
    for number, (kind, *corners) in enumerate(picture.boxes):
        place = f"box {number + 1} of {picture.file.name} in {picture.place}"
        key, box = (str(picture.file), number), np.array(corners).reshape(2, 2) / whole
        if kind not in names:
            if kind is None or str(kind).startswith("number "):
                expected = f"one of the classes {', '.join(names)}"
                inspection.bad(key, place, "unknown class", place, expected, kind)
            continue  # a class that was not asked for
        if not np.isfinite(box).all() or (box[1] <= box[0]).any():
            received = " ".join(f"{side:g}" for side in corners)
            inspection.bad(key, place, "empty box", place, "a width and a height", received)
            continue
        if box.min() < -SLACK or box.max() > 1 + SLACK:
            received = " ".join(f"{side:g}" for side in corners)
            expected = f"a box within its image of {width} x {height} pixels"
            inspection.bad(key, place, "box outside", place, expected, received)
            continue
        area = (box[1] - box[0]).prod()
        seen = np.clip((np.clip(box, 0, 1) - start) / window, 0, 1)
        if (seen[1] - seen[0]).prod() * window.prod() >= LEFT * area:
            kept.append((names.index(kind), *seen.ravel()))
    return kept


def _targets(found, most):
    """Return classes and boxes as arrays; images with fewer objects have -1 and zeros."""
    classes = np.full((len(found), most), -1, "int32")
    boxes = np.zeros((len(found), most, 4), "float32")
    for row, each in enumerate(found):
        for number, (kind, *box) in enumerate(each):
            classes[row, number], boxes[row, number] = kind, box
    return {"class": classes, "boxes": boxes}
