"""Damaged files of every kind, made from seeds: each gives a result or one line of error.

No other exception is raised, within 2 GB of memory and 20 seconds of processor time.
"""

import copy
import json
import random
import resource
import shutil
import signal
import zipfile
import zlib

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import kerasdl.data
from kerasdl import create_model, export, saving
from kerasdl.data.builders import Shapes
from kerasdl.errors import InvalidInput
from kerasdl.export.demo import describe
from tests.properties.common import check_message

SECONDS, WAITING = 20, 200  # of the processor, and of the clock of a machine that is busy
MEMORY = 2 * 1024 * 1024  # kB
ODD = [None, True, False, -1, 0, 1, 2.5, 1e308, float("nan"), float("inf"), 10**6, 10**9, 10**12]
ODD += [2**63, "", "x", "../x", "\ud800", "float64", "a" * 1000, [], {}, [10**9] * 2, [[[]]], [-1]]
ODD += [{"class_name": "x"}, {"module": "os", "class_name": "system", "config": {}}]


# ---- damage


def flipped(draw, content):
    """Return the content with some bytes changed."""
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 8, 64])):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(content)


def damaged(draw, content):
    """Return the content cut off, without a part, or with some bytes changed."""
    at, to = sorted(draw.randrange(len(content)) for _ in range(2))
    return draw.choice([content[:at], content[:at] + content[to:], flipped(draw, content)])


def odd(draw, value):
    """Return a JSON value with an invalid part in one place."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    owner, key = draw.choice(places)
    if draw.random() < 0.2 and isinstance(owner, dict):
        del owner[key]
    else:
        owner[key] = copy.deepcopy(draw.choice(ODD))
    return value


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        yield value, key
        if isinstance(part, (dict, list)):
            yield from _places(part)


def repacked(file, out, change):
    """Write an archive with changed contents and right checksums."""
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(out, "w") as other:
        for name in whole.namelist():
            other.writestr(name, change(name, whole.read(name)))


# ---- for each kind of file: intact files, a damaged one, and how it is used


def keras_files(folder):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(3, 3, activation="relu")(inputs)
    x = keras.layers.BatchNormalization()(keras.layers.Flatten()(x))
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 8, 8, 1)), np.zeros((2, 3)), verbose=0)
    model.save(folder / "plain.keras")
    for name in ("gpt_tiny", "simple_cnn_tiny", "vae_tiny"):
        create_model(name).save(folder / f"{name}.keras")


def damage_keras(draw, whole, folder):
    file, out = draw.choice(sorted(whole.iterdir())), folder / "x.keras"

    def change(name, content):
        if name == entry == "config.json":
            return json.dumps(odd(draw, json.loads(content)))
        return damaged(draw, content) if name == entry else content

    entry = draw.choice(["", "config.json", "config.json", "model.weights.h5", "metadata.json"])
    repacked(file, out, change)
    if not entry:
        out.write_bytes(damaged(draw, file.read_bytes()))


def use_keras(folder):
    saving.load_model(folder / "x.keras")


def litert_files(folder):
    model = create_model("simple_cnn_tiny", input_shape=(8, 8, 1), num_classes=3)
    labels = {"labels": ("a", "b", "c"), "input_range": (0, 1), "activation": "softmax"}
    export.to_litert(model, folder / "float.tflite", **labels)
    export.to_litert(model, folder / "dynamic.tflite", quantize="dynamic", **labels)


def damage_litert(draw, whole, folder):
    content = draw.choice(sorted(whole.iterdir())).read_bytes()
    start = content.index(b"PK\x03\x04")
    model, card = content[:start], content[start:]
    if draw.random() < 0.3:
        card = damaged(draw, card)
    else:
        model = damaged(draw, model)
    (folder / "x.tflite").write_bytes(model + card)


def use_litert(folder):
    file = folder / "x.tflite"
    for use in (
        lambda: export.LiteRTModel(file).operators,
        lambda: export.LiteRTModel(file).labels,
        lambda: export.benchmark(file, seconds=0),
        lambda: describe(file),
    ):
        attempt(use)


def record_files(folder):
    for encoding in ("raw", "png"):
        splits = kerasdl.data.load("shapes", count=40, image_size=16, elements="class,boxes")
        kerasdl.data.write_records(splits, folder / encoding, encoding=encoding, shards=2)
    images = np.arange(40 * 64, dtype="float32").reshape(40, 8, 8, 1)
    source = {"train": (images, np.arange(40, dtype="int32") % 3)}
    kerasdl.data.write_records(source, folder / "classes", classes=("a", "b", "c"))


def damage_records(draw, whole, folder):
    shutil.copytree(draw.choice(sorted(whole.iterdir())), folder / "x")
    described = folder / "x" / "features.json"
    if draw.random() < 0.6:
        described.write_text(json.dumps(odd(draw, json.loads(described.read_text()))))
        return
    file = draw.choice(sorted((folder / "x").glob("*.tfrecord")))
    if draw.random() < 0.5:
        file.write_bytes(damaged(draw, file.read_bytes()))
        return
    with tf.io.TFRecordWriter(str(folder / "records")) as writer:  # whose checksums are right
        for data in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            writer.write(damaged(draw, data))
    shutil.move(folder / "records", file)


def use_data(folder, name="x", **options):
    for further in ({}, {"memory": 0}, {"skip_bad": True}):
        attempt(lambda further=further: first_batch(folder / name, **options, **further))


def first_batch(place, **options):
    splits = kerasdl.data.load(place, batch_size=4, **options)
    with splits.naming_bad():
        next(iter(splits.train))


def table_files(folder):
    draw = random.Random(0)
    lines = ["height,colour,kind,price"]
    for i in range(60):
        lines.append(f"{draw.random():.3f},{draw.choice('rgb')},{'cat' if i % 2 else 'dog'},{i}")
    (folder / "x.csv").write_text("\n".join(lines))


def damage_table(draw, whole, folder):
    content = (whole / "x.csv").read_bytes()
    cells = [b"", b"1e999", b"nan", b'"', b"1_0", b"\0", b"\xff", b"x" * 10**5, b"a,b", b"a\nb"]
    if draw.random() < 0.5:
        rows = [line.split(b",") for line in content.splitlines()]
        draw.choice(rows)[draw.randrange(4)] = draw.choice(cells)
        content = b"\n".join(map(b",".join, rows))
    else:
        content = damaged(draw, content)
    (folder / "x.csv").write_bytes(content)


def use_table(folder):
    for target in ("kind", "price"):
        use_data_of_table(folder, target)


def use_data_of_table(folder, target):
    place = folder / "x.csv"
    attempt(lambda: first_batch(place, target=target))
    attempt(lambda: first_batch(place, target=target, skip_bad=True))


def image_files(folder):
    draw = np.random.default_rng(0)
    for i in range(40):
        file = folder / "ab"[i % 2] / f"{i}.{('png', 'jpg', 'gif', 'bmp')[i // 2 % 4]}"
        file.parent.mkdir(exist_ok=True)
        PIL.Image.fromarray(draw.integers(0, 255, (9, 9, 3), "uint8")).save(file)


def damage_images(draw, whole, folder):
    shutil.copytree(whole, folder / "x")
    for file in draw.sample(sorted((folder / "x").rglob("*.*")), 3):
        content = damaged(draw, file.read_bytes())
        if draw.random() < 0.3 and file.suffix == ".png":  # with right checksums
            content = with_other_size(draw, file.read_bytes())
        file.write_bytes(content)


SIDES = [b"\0\1\0\0", b"\x7f\xff\xff\xff", b"\0\0\x20\0", bytes(4)]


def with_other_size(draw, content):
    header = bytearray(content[12:29])
    header[4:12] = draw.choice(
        [b"\0\1\0\0" * 2, b"\x7f\xff\xff\xff" * 2, b"\0\0\x20\0" * 2, bytes(8)]
    )
    return content[:12] + bytes(header) + zlib.crc32(header).to_bytes(4, "big") + content[33:]


def prepared_files(folder):
    config = tfds.download.DownloadConfig(num_shards=2)
    Shapes(count=40, data_dir=folder).download_and_prepare(download_config=config)


def damage_prepared(draw, whole, folder):
    shutil.copytree(whole, folder / "x")
    file = draw.choice(sorted(file for file in (folder / "x").rglob("*") if file.is_file()))
    if file.suffix == ".json" and draw.random() < 0.9:
        file.write_text(json.dumps(odd(draw, json.loads(file.read_text()))))
    else:
        file.write_bytes(damaged(draw, file.read_bytes()))


def use_prepared(folder):
    for further in ({}, {"skip_bad": True}):
        options = {"data_dir": str(folder / "x"), "download": False, **further}
        attempt(lambda options=options: first_batch("tfds:shapes", **options))


KINDS = {  # number of cases, and the three functions
    "keras": (60, keras_files, damage_keras, use_keras),
    "litert": (60, litert_files, damage_litert, use_litert),
    "records": (50, record_files, damage_records, use_data),
    "table": (50, table_files, damage_table, use_table),
    "images": (40, image_files, damage_images, lambda folder: use_data(folder, image_size=8)),
    "prepared": (40, prepared_files, damage_prepared, use_prepared),
}


# ---- the property


def attempt(use):
    """Use a file: it gives a result or one line of error."""
    try:
        use()
    except InvalidInput as error:
        check_message(error)


def too_long(*_):
    raise TimeoutError(f"more than {SECONDS} seconds of the processor, or {WAITING} in all")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Keras warns of optimizers that do not fit, Pillow of sizes
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_give_a_result_or_one_line(kind, tmp_path):
    cases, make, damage, use = KINDS[kind]
    whole = tmp_path / "whole"
    whole.mkdir()
    make(whole)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGPROF, too_long)
    signal.signal(signal.SIGALRM, too_long)
    failures = []
    for case in range(cases):
        folder = tmp_path / str(case)
        folder.mkdir()
        damage(random.Random(f"{kind} {case}"), whole, folder)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(WAITING)
        try:
            attempt(lambda folder=folder: use(folder))
        except Exception as error:
            failures.append(f"case {case}: {type(error).__name__}: {error}"[:300])
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
        shutil.rmtree(folder, ignore_errors=True)
    assert not failures, "\n".join(failures)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY
