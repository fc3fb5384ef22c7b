"""Use an installed kerasdl with photos, a table, a text and arrays, as their owner would.

    PYTHON tests/own_data.py FOLDER [photos] [masks] [boxes] [table] [text] [arrays] [pairs]

makes the data in FOLDER, runs the commands of the environment that PYTHON belongs to, and checks
what they print and write; by default with all of the data. "pairs" trains fifteen recipes on each
of the four kinds of data. It imports nothing of this repository, so it also tests the wheel.
"""

import csv
import datetime
import itertools
import json
import pathlib
import subprocess
import sys
import time

import numpy as np
from PIL import Image, ImageDraw

COMMAND = pathlib.Path(sys.executable).parent / "kerasdl"
EXIF_ORIENTATION = 0x0112
RECIPES = (
    *("simple_cnn", "se_resnet_tiny", "lenet5", "mlp", "vgg_tiny", "squeezenet_tiny"),
    *("autoencoder", "vae", "dcgan", "localizer", "lstm_lm", "gpt_tiny", "translation"),
    *("alexnet_tiny", "densenet_tiny"),
)


def kerasdl(*arguments, status=0):
    """Run a command; return what it printed on standard output and on standard error."""
    command = [str(COMMAND), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == status, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


# ------------------------------------------------------------------------------------ the data


def photo(shape, random, size=(64, 48)):
    """A bright disc or square on a dark, noisy background."""
    width, height = size
    image = Image.fromarray(random.integers(0, 60, (height, width, 3), dtype="uint8"))
    radius = int(min(size) * random.uniform(0.25, 0.4))
    x, y = (int(random.integers(radius, side - radius)) for side in size)
    color = tuple(int(c) for c in random.integers(150, 256, 3))
    draw = ImageDraw.Draw(image)
    place = (x - radius, y - radius, x + radius, y + radius)
    draw.ellipse(place, fill=color) if shape == "disc" else draw.rectangle(place, fill=color)
    return image


def make_photos(folder, count=150):
    """Photos of two classes in many formats; one of them is broken.

    Args:
        folder: Where they are written.
        count: int, photos of each class.
    """
    random = np.random.default_rng(0)
    for shape in ("disc", "square"):
        (folder / shape).mkdir(parents=True)
        for i in range(count):
            save(photo(shape, random, (4000, 3000) if i == 7 else (64, 48)), folder / shape, i)
    whole = (folder / "disc" / "photo0.jpg").read_bytes()
    (folder / "disc" / "broken.jpg").write_bytes(whole[: len(whole) // 3])


def save(image, folder, number):
    """Write a photo in a format that depends on its number."""
    name, kind = folder / f"photo{number}", number % 8
    if kind == 1:
        image.convert("L").save(name.with_suffix(".png"))
    elif kind == 2:
        image.convert("RGBA").save(name.with_suffix(".png"))
    elif kind == 3:
        image.convert("CMYK").save(name.with_suffix(".jpg"))
    elif kind == 4:
        image.save(name.with_suffix(".webp"))
    elif kind == 5:
        image.save(name.with_suffix(".gif"))
    elif kind == 6:  # a camera held upright: the pixels lie on their side
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = 6
        image.transpose(Image.Transpose.ROTATE_90).save(name.with_suffix(".jpg"), exif=exif)
    else:
        image.save(name.with_suffix(".jpg"), quality=90)


def make_masks(folder, count=160):
    """Photos of a disc or a square, and for each a picture of its classes; one mask is missing."""
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        image, mask = Image.new("RGB", (48, 40), (90, 90, 90)), Image.new("L", (48, 40))
        left, top, size = (int(random.integers(*ends)) for ends in ((0, 28), (0, 20), (10, 20)))
        place, kind = (left, top, left + size, top + size), 1 + number % 2
        for picture, fill in ((image, (200, 60 + number, 40)), (mask, kind)):
            draw = ImageDraw.Draw(picture)
            draw.ellipse(place, fill=fill) if kind == 1 else draw.rectangle(place, fill=fill)
        image.save(folder / "images" / f"photo{number}.jpg", quality=95)
        mask.save(folder / "masks" / f"photo{number}.png")
    (folder / "classes.txt").write_text("background\ndisc\nsquare\n")
    (folder / "masks" / "photo9.png").unlink()


def make_boxes(folder, count=160):
    """Photos of one to three discs and squares, with their boxes as COCO json; one is outside."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    images, annotations = [], []
    for number in range(count):
        image = Image.new("RGB", (64, 60), (90, 90, 90))
        draw = ImageDraw.Draw(image)
        for column in range(random.integers(1, 4)):
            size, kind = int(random.integers(12, 19)), int(random.integers(2))
            left, top = (
                20 * column + 2 + int(random.integers(20 - size)),
                random.integers(60 - size),
            )
            place = (left, int(top), left + size - 1, int(top) + size - 1)
            color = (200, 60 + number, 40)
            draw.rectangle(place, fill=color) if kind else draw.ellipse(place, fill=color)
            box = [left, int(top), size, size]
            annotations.append({"image_id": number, "category_id": 1 + kind, "bbox": box})
        image.save(folder / f"photo{number}.jpg", quality=95)
        images.append({"id": number, "file_name": f"photo{number}.jpg", "width": 64, "height": 60})
    annotations.append({"image_id": 9, "category_id": 1, "bbox": [60, 40, 20, 20]})
    kinds = [{"id": 1, "name": "disc"}, {"id": 2, "name": "square"}]
    content = {"images": images, "annotations": annotations, "categories": kinds}
    (folder / "coco.json").write_text(json.dumps(content))


def make_table(file):
    """600 sales of houses with blanks, words and dates; the price follows from them."""
    random = np.random.default_rng(0)
    start = datetime.date(2021, 1, 1)
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened, delimiter=";")
        writer.writerow(["area", "rooms", "town", "sold", "price"])
        for _ in range(600):
            area, rooms, town = random.uniform(40, 200), random.integers(1, 7), random.integers(3)
            day = int(random.integers(1000))
            price = 2 * area + 15 * rooms + (0, 60, 120)[town] + 0.05 * day + random.normal(0, 8)
            blank = random.random() < 0.1
            sold = str(start + datetime.timedelta(day))
            name = ("Bonn", "Rome", "Oslo")[town]
            writer.writerow([f"{area:.1f}", "NA" if blank else rooms, name, sold, f"{price:.1f}"])


def make_text(file):
    """100 kB of sentences from a small grammar."""
    random = np.random.default_rng(0)
    words = [
        ["the", "a"],
        ["cat", "dog", "bird"],
        ["sees", "hears"],
        ["the", "a"],
        ["fish", "tree"],
    ]
    sentences = (" ".join(map(random.choice, words)) + ".\n" for _ in range(5000))
    file.write_text("".join(sentences))


def make_arrays(file):
    """500 rows of 6 numbers with the class of each."""
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 6)).astype("float32")
    np.savez(file, x=x, y=(x[:, 0] + x[:, 1] > 0).astype("int64"))


# ------------------------------------------------------------------------------- what must hold


def check_photos(folder):
    photos, run = folder / "photos", folder / "photo_run"
    make_photos(photos)
    train = ("train", "simple_cnn", "--data", photos, "--image-size", 32, "--out", run)
    train = (*train, "--no-pictures")
    _, said = kerasdl(*train, status=2)
    (line,) = [line for line in said.splitlines() if line.startswith("kerasdl:")]
    assert "broken.jpg" in line, said
    assert not run.exists()
    kerasdl(*train, "--skip-bad")
    found = metrics(run)
    assert found["test"]["accuracy"] >= 0.9, found

    answers = folder / "answers.csv"
    _, said = kerasdl("predict", run, photos, "--out", answers)
    assert "No answer for 1 of 301 inputs" in said, said
    with answers.open(newline="") as file:
        rows = list(csv.DictReader(file))
    right = [row["answer"] == pathlib.Path(row["file"]).parent.name for row in rows]
    assert len(rows) == 301 and sum(right) >= 280, sum(right)

    kerasdl("export", run, "--quantize", "int8")
    kerasdl("bench", *sorted((run / "export").glob("*.tflite")))
    kerasdl("explain", run, photos / "square" / "photo0.jpg")
    kerasdl("evaluate", run)
    said, _ = kerasdl("doctor", run)
    assert "unrelated" not in said, said


def check_masks(folder):
    photos, run = folder / "segmented", folder / "mask_run"
    make_masks(photos)
    train = ("train", "unet_tiny", "--data", photos, "--image-size", 32, "--out", run)
    _, said = kerasdl(*train, status=2)
    assert "photo9" in said, said
    kerasdl(*train, "--skip-bad", "--epochs", 12)
    found = metrics(run)
    assert found["test"]["iou"] >= 0.8, found
    said, _ = kerasdl("predict", run, photos / "images" / "photo0.jpg")
    assert "disc" in said, said
    assert (run / "masks-photo0.png").exists(), [*run.iterdir()]
    kerasdl("export", run, "--quantize", "none", "--quantize", "int8")


def check_boxes(folder):
    photos, run = folder / "boxed", folder / "box_run"
    make_boxes(photos)
    train = ("train", "retinanet_tiny", "--data", photos / "coco.json", "--out", run)
    _, said = kerasdl(*train, status=2)
    assert "photo9.jpg" in said, said
    assert not run.exists()
    kerasdl(*train, "--skip-bad", "--epochs", 60)
    found = metrics(run)
    assert found["test"]["ap50"] >= 0.8, found
    answers = folder / "found.csv"
    kerasdl("predict", run, photos / "photo0.jpg", "--out", answers)
    with answers.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert "disc" in row["answer"] or "square" in row["answer"], row
    assert len(row["boxes"].split(", ")) == len(row["answer"].split(", ")), row
    assert (folder / "detections-photo0.png").exists(), [*folder.iterdir()]
    kerasdl("export", run, "--quantize", "none", "--quantize", "int8")
    names = {file.name for file in (run / "export").glob("*.tflite")}
    assert names == {"detections-float.tflite", "model-float.tflite", "model-int8.tflite"}, names


def check_table(folder):
    table, run = folder / "houses.csv", folder / "table_run"
    make_table(table)
    _, notes = kerasdl("train", "mlp", "--data", table, "--target", "price", "--out", run)
    assert "dates" in notes and "town" in notes, notes
    found = metrics(run)
    assert found["test"]["r2"] >= 0.9, found
    assert found["test"]["mae"] < found["baselines"]["mean"]["mae"]
    new = folder / "new.csv"
    new.write_text("town;area;rooms;sold\nRome;100;;2022-03-04\n;80;3;\n")
    said, _ = kerasdl("predict", run, new, "--json")
    low, high = (row["value"] for row in json.loads(said))
    assert 0 < low < 700 and 0 < high < 700
    new.write_text("town;area\nRome;100\n")
    kerasdl("predict", run, new, status=2)


def check_text(folder):
    text, run = folder / "sentences.txt", folder / "text_run"
    make_text(text)
    kerasdl("train", "lstm_lm", "--data", text, "--out", run, "--epochs", 4, "--no-pictures")
    assert metrics(run)["test"]["nats"] < 1.0
    said, _ = kerasdl("predict", run, "the cat ")
    assert "the cat" in said
    empty = folder / "empty.txt"
    empty.write_text("")
    kerasdl("train", "lstm_lm", "--data", empty, "--out", folder / "none", status=2)
    assert not (folder / "none").exists()


def check_arrays(folder):
    arrays, run = folder / "arrays.npz", folder / "array_run"
    make_arrays(arrays)
    kerasdl("train", "mlp", "--data", arrays, "--out", run, "--epochs", 20, "--no-pictures")
    assert metrics(run)["test"]["accuracy"] >= 0.9
    kerasdl("compress", run, "--method", "int8")
    said, _ = kerasdl("fit", "--data", arrays, "--time", "40s", "--out", folder / "fit_run")
    assert "no two examples are equal" in said and "result: accuracy" in said, said
    assert metrics(folder / "fit_run")["test"]["accuracy"] >= 0.9
    said, _ = kerasdl("runs", folder)
    assert "array_run" in said and "fit_run" in said, said


def check_pairs(folder):
    """Train every recipe on each of the data: a result, or one line that helps."""
    from kerasdl import errors, recipes

    folder = folder / "pairs"
    make_photos(folder / "photos", count=30)
    make_table(folder / "houses.csv")
    make_text(folder / "sentences.txt")
    make_arrays(folder / "arrays.npz")
    data = {
        "photos": ({"data": folder / "photos", "image_size": 32}, {"skip_bad": True}),
        "table": ({"data": folder / "houses.csv"}, {"target": "price"}),
        "text": ({"data": folder / "sentences.txt"}, {}),
        "arrays": ({"data": folder / "arrays.npz"}, {}),
    }
    trained, refused = [], {}
    for name, (kind, (changes, options)) in itertools.product(RECIPES, data.items()):
        pair, out = f"{name} on {kind}", folder / f"{name}-{kind}"
        changes = {**changes, "data": str(changes["data"])}
        try:
            recipe = recipes.get(name).replace(**changes, data_options=options)
            run = recipe.run(out, fast=True, progress=False, pictures=False)
        except errors.InvalidInput as error:
            refused[pair] = str(error)
        else:
            numbers = run.metrics["test"]
            assert numbers and np.isfinite([*numbers.values()]).all(), (pair, numbers)
            trained.append(pair)
    print(f"trained: {', '.join(trained)}")
    print(*(f"{pair}: {line}" for pair, line in refused.items()), sep="\n")
    assert len(trained) + len(refused) == 60
    assert not [line for line in refused.values() if "\n" in line], refused
    left = [
        out.name for out in folder.iterdir() if out.is_dir() and not (out / "model.keras").exists()
    ]
    assert left == ["photos"], left  # what is refused leaves no folder
    expected = {f"{name} on photos" for name in RECIPES[:6]}
    expected |= {"mlp on table", "mlp on arrays", "lstm_lm on text", "gpt_tiny on text"}
    assert expected <= {*trained}, expected - {*trained}


def metrics(run):
    return json.loads((run / "metrics.json").read_text())


CHECKS = {
    "photos": check_photos,
    "masks": check_masks,
    "boxes": check_boxes,
    "table": check_table,
    "text": check_text,
    "arrays": check_arrays,
    "pairs": check_pairs,
}


def main(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or CHECKS:
        begin = time.monotonic()
        CHECKS[name](folder)
        print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), *sys.argv[2:])
