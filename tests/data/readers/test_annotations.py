"""Boxes in COCO, YOLO and Pascal VOC files: the same objects, and files that do not fit."""

import json

import numpy as np
import PIL.Image
import pytest

import kerasdl.data
from kerasdl.errors import InvalidInput

COUNT, SIZE = 20, (40, 40)  # images, and their height and width
CLASSES = ("cat", "dog")


def objects_of(number):
    """Return (class, x1, y1, x2, y2) in pixels of the objects of an image; every fifth has none."""
    objects = [(number % 2, 4, 8, 20 + number, 36), (1, 30, 2, 38, 12)]
    return objects[: (0, 1, 2, 1, 2)[number % 5]]


def write_images(folder, numbers, size=SIZE):
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        pixels = np.full((*size, 3), 200, "uint8")
        for kind, x1, y1, x2, y2 in objects_of(number):
            pixels[y1:y2, x1:x2] = (250 * kind, 0, 100)
        PIL.Image.fromarray(pixels).save(folder / f"{number:02}.png")


def coco(root, numbers=range(COUNT), change=lambda content: None):
    write_images(root / "images", numbers)
    content = {
        "categories": [{"id": 7 + i, "name": name} for i, name in enumerate(CLASSES)],
        "images": [
            {"id": n, "file_name": f"{n:02}.png", "height": SIZE[0], "width": SIZE[1]}
            for n in numbers
        ],
        "annotations": [
            {"image_id": n, "category_id": 7 + kind, "bbox": [x1, y1, x2 - x1, y2 - y1]}
            for n in numbers
            for kind, x1, y1, x2, y2 in objects_of(n)
        ],
    }
    change(content)
    (root / "annotations.json").write_text(json.dumps(content))
    return root


def yolo(root, numbers=range(COUNT)):
    write_images(root / "images", numbers)
    (root / "labels").mkdir()
    for n in numbers:
        lines = [
            f"{kind} {(x1 + x2) / 2 / 40} {(y1 + y2) / 2 / 40} {(x2 - x1) / 40} {(y2 - y1) / 40}"
            for kind, x1, y1, x2, y2 in objects_of(n)
        ]
        if lines:  # images without an object may have no file
            (root / "labels" / f"{n:02}.txt").write_text("\n".join(lines))
    (root / "data.yaml").write_text("nc: 2\nnames:\n  0: cat\n  1: 'dog'\n")
    return root


def voc(root, numbers=range(COUNT)):
    write_images(root / "JPEGImages", numbers)
    (root / "Annotations").mkdir()
    for n in numbers:
        objects = "".join(
            f"<object><name>{CLASSES[kind]}</name><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}"
            f"</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
            for kind, x1, y1, x2, y2 in objects_of(n)
        )
        text = f"<annotation><filename>{n:02}.png</filename>{objects}</annotation>"
        (root / "Annotations" / f"{n:02}.xml").write_text(text)
    return root


def by_file(splits):
    """Return the classes and boxes of each image by its name."""
    found = {}
    for split in ("validation", "test"):
        files = splits.info.files[split]
        rows = [
            (classes, boxes)
            for _, targets in getattr(splits, split).as_numpy_iterator()
            for classes, boxes in zip(targets["class"], targets["boxes"], strict=True)
        ]
        found |= {int(file[-6:-4]): row for file, row in zip(files, rows, strict=True)}
    return found


@pytest.mark.parametrize("write", [coco, yolo, voc])
def test_all_formats_give_the_same_objects(write, tmp_path):
    splits = kerasdl.data.load(write(tmp_path), image_size=SIZE, validation=0.3, test=0.5)
    info = splits.info
    assert (info.task, info.classes, info.shape) == ("boxes", CLASSES, (*SIZE, 3))
    assert info.counts == {"train": 4, "validation": 6, "test": 10}
    for number, (classes, boxes) in by_file(splits).items():
        objects = objects_of(number)
        assert classes.tolist() == [kind for kind, *_ in objects] + [-1] * (2 - len(objects))
        expected = [[side / 40 for side in box] for _, *box in objects]
        np.testing.assert_allclose(boxes[: len(objects)], expected or np.zeros((0, 4)), atol=1e-6)
        assert not boxes[len(objects) :].any()


@pytest.mark.parametrize(
    "text", ["names: [cat, dog]", "names: ['cat', \"dog\"]\nnc: 2", "names:\n- cat\n- dog\n"]
)
def test_names_of_yolo_are_read_from_every_form(text, tmp_path):
    (yolo(tmp_path) / "data.yaml").write_text(f"train: images\n{text}")
    assert kerasdl.data.load(tmp_path).info.classes == CLASSES


@pytest.mark.parametrize("write", [coco, yolo, voc])
def test_splits_of_their_own_are_kept(write, tmp_path):
    for split, numbers in (("train", range(9)), ("valid", range(9, 14)), ("test", range(14, 17))):
        (tmp_path / split).mkdir()
        write(tmp_path / split, numbers)
    info = kerasdl.data.load(tmp_path).info
    assert info.counts == {"train": 9, "validation": 5, "test": 3} and info.classes == CLASSES


def test_a_json_file_may_be_given(tmp_path):
    root = coco(tmp_path)
    assert kerasdl.data.load(root / "annotations.json").info.classes == CLASSES


def test_a_json_file_in_a_folder_of_annotations_has_its_images_beside_it(tmp_path):
    root = coco(tmp_path)
    (root / "annotations").mkdir()
    (root / "annotations.json").rename(root / "annotations" / "instances.json")
    for data in (root, root / "annotations" / "instances.json"):
        assert sum(kerasdl.data.load(data).info.counts.values()) == COUNT


def test_some_classes_may_be_chosen(tmp_path):
    splits = kerasdl.data.load(coco(tmp_path), classes="dog")
    assert splits.info.classes == ("dog",)
    with pytest.raises(InvalidInput, match="Expected one of cat, dog"):
        kerasdl.data.load(tmp_path, classes="bird")


def test_boxes_move_when_their_image_is_cropped(tmp_path):
    """A square of a wide image shows its middle: objects at the side are dropped or cut."""

    def wide(content):
        for each in content["images"]:
            name = tmp_path / "images" / each["file_name"]
            PIL.Image.new("RGB", (80, 40), (each["id"], 0, 0)).save(name)
        for each in content["annotations"]:
            each["bbox"] = [10, 0, 20, 20] if each["image_id"] % 2 else [0, 0, 25, 20]

    splits = kerasdl.data.load(coco(tmp_path, change=wide), image_size=20, test=0.5)
    for number, (classes, boxes) in by_file(splits).items():
        if not objects_of(number):
            continue
        if number % 2:  # from 10 to 30 of 80, of which 20 to 60 are seen: half is left
            np.testing.assert_allclose(boxes[0], [0, 0, 0.25, 0.5], atol=1e-6)
        else:  # a fifth is left
            assert (classes == -1).all()


def outside(content):
    content["annotations"][0]["bbox"] = [30, 30, 30, 5]


def empty(content):
    content["annotations"][0]["bbox"] = [3, 3, 0, 5]


def unknown(content):
    content["annotations"][0]["category_id"] = 99


def missing(content):
    content["images"][1]["file_name"] = "99.png"


def elsewhere(content):
    content["images"][1]["file_name"] = "../secret.png"


@pytest.mark.parametrize(
    ("change", "message", "reason"),
    [
        (
            outside,
            r"a box within its image of 40 x 40 pixels\. Received: 30 30 60 35",
            "box outside",
        ),
        (empty, r"a width and a height\. Received: 3 3 3 8", "empty box"),
        (unknown, r"one of the classes cat, dog\. Received: None", "unknown class"),
        (missing, r"an image in .*\. Received: 99\.png", "no such image"),
        (elsewhere, r"an image in .*\. Received: \.\./secret\.png", "no such image"),
    ],
)
def test_bad_boxes_and_missing_images_are_named_or_left_out(change, message, reason, tmp_path):
    PIL.Image.new("RGB", (40, 40)).save(tmp_path / "secret.png")
    root = coco(tmp_path / "data", change=change)
    with pytest.raises(InvalidInput, match=message) as error:
        kerasdl.data.load(root)
    assert "--skip-bad" in str(error.value)
    info = kerasdl.data.load(root, skip_bad=True).info
    assert info.skipped.count == 1 and reason in str(info.skipped)
    assert sum(info.counts.values()) == COUNT - (reason == "no such image")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "COCO json with images"), ('{"annotations": [{}], "images": []}', "COCO json")],
)
def test_files_that_are_no_annotations_are_refused(text, message, tmp_path):
    coco(tmp_path)
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(InvalidInput, match=message):
        kerasdl.data.load(tmp_path / "annotations.json")
