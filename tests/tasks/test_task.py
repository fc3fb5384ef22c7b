"""Shared parts of tasks: comparing metrics, gathering examples, reading inputs."""

import pathlib

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import recipes, tasks
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.tasks import task as shared
from tests.tasks import made

IMAGES = np.zeros((4, 8, 8, 1), "float32")
LABELS = np.zeros(4, "int32")


def classification(x, classes=("a",)):
    return tasks.create(
        "classification", made.splits(x, LABELS, "classification", classes=classes).info
    )


@pytest.mark.parametrize(
    ("direction", "better", "best"),
    [("max", [False, False, True], 3), ("min", [True, False, False], 1)],
)
def test_better_means_strictly_larger_or_smaller(direction, better, best):
    metric = shared.Metric("m", direction, "a number")
    assert [metric.is_better(value, 2) for value in (1, 2, 3)] == better
    assert metric.best([2, 1, 3]) == best


@pytest.mark.parametrize(("count", "expected"), [(None, 7), (2, 2), (3, 3), (4, 4), (20, 7)])
def test_first_examples_are_gathered(count, expected):
    x = np.arange(7)
    dataset = tf.data.Dataset.from_tensor_slices((x, -x)).batch(3)
    first, second = shared.gather(dataset, count)
    np.testing.assert_array_equal(first, x[:expected])
    np.testing.assert_array_equal(second, -x[:expected])
    (alone,) = shared.gather(dataset.map(lambda x, y: x), count)
    np.testing.assert_array_equal(alone, x[:expected])


def test_only_the_needed_batches_are_read():
    endless = tf.data.Dataset.from_tensors(np.zeros(2)).repeat()
    (found,) = shared.gather(endless, 3)
    assert found.shape == (3,)


def test_export_has_the_shapes_of_the_inputs():
    inputs = keras.Input((None, 3)), keras.Input((2,))
    free = keras.Model(inputs, inputs[1])
    fixed = keras.Model(inputs[1], inputs[1])
    export = shared.Export(free, (np.zeros((5, 4, 3)), np.zeros((5, 2))))
    assert export.has_free_size and export.shape == ((4, 3), (2,))
    assert [part.shape for part in export.first(2)] == [(2, 4, 3), (2, 2)]
    export = shared.Export(fixed, np.zeros((5, 2)))
    assert not export.has_free_size and export.shape == (2,)
    assert export.labels is None and export.activation is None


def test_path_that_is_not_a_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"input.*an image file.*none.png, which is no file"):
        classification(IMAGES).read_images([str(tmp_path / "none.png")])
    with pytest.raises(InvalidInput, match=r"an image file.*no file"):
        classification(IMAGES).read_images([str(tmp_path)])


def test_image_files_are_refused_for_other_inputs(tmp_path):
    with pytest.raises(InvalidInput, match=r"on images or on rows of a table.*made"):
        classification(IMAGES[:, 0, 0]).read_images(["any.png"])
    with pytest.raises(InvalidInput, match=r"on images or on rows of a table.*made"):
        next(classification(IMAGES[:, 0, 0]).read_batches(["any.png"]))
    with pytest.raises(InvalidInput, match=r"images for classification. Received: made.*\(1,\)"):
        classification(IMAGES[:, 0, 0]).require_images()
    classification(IMAGES).require_images()


def test_image_is_converted_to_the_input_of_the_model(tmp_path):
    gray = np.arange(64, dtype="uint8").reshape(8, 8, 1)
    keras.utils.save_img(tmp_path / "x.png", gray, scale=False)
    (image,) = classification(IMAGES).read_images([str(tmp_path / "x.png")])
    assert image.dtype == "float32"
    np.testing.assert_allclose(image, gray / 255, rtol=1e-6)
    ((places, inputs),) = classification(IMAGES).read_batches([str(tmp_path / "x.png")])
    assert places == [{"input": str(tmp_path / "x.png")}]
    np.testing.assert_array_equal(inputs, image[None])


def test_patterns_of_files_are_expanded(tmp_path):
    for name in ("b.png", "a.png", "[c].png"):
        keras.utils.save_img(tmp_path / name, np.zeros((8, 8, 1)))
    task = classification(IMAGES)
    ((places, _),) = task.read_batches([str(tmp_path / "?.png"), str(tmp_path / "[c].png")])
    assert [pathlib.Path(place["input"]).name for place in places] == ["a.png", "b.png", "[c].png"]
    with pytest.raises(InvalidInput, match=r"none\*.png, which is no file"):
        next(task.read_batches([str(tmp_path / "none*.png")]))


def odd_images(folder):
    """Write images of many sizes, modes and formats into two class folders."""
    random = np.random.default_rng(0)
    rotated = PIL.Image.Exif()
    rotated[0x0112] = 6  # rotated by 90 degrees
    images = {
        "odd.png": ("RGB", (37, 23), {}),
        "tall.jpg": ("RGB", (19, 61), {"exif": rotated}),
        "gray.jpg": ("L", (33, 9), {}),
        "gray.png": ("L", (8, 8), {}),
        "alpha.png": ("RGBA", (12, 31), {}),
        "palette.png": ("P", (21, 13), {}),
        "palette.gif": ("P", (15, 17), {}),
        "deep.png": ("I;16", (11, 10), {}),
        "color.bmp": ("RGB", (9, 14), {}),
        "one.png": ("RGB", (1, 1), {}),
    }
    for name in "ab":
        (folder / name).mkdir(parents=True)
        for file, (mode, (width, height), options) in images.items():
            channels = {"RGB": (3,), "RGBA": (4,)}.get(mode, ())
            kind = "uint16" if mode == "I;16" else "uint8"
            pixels = random.integers(0, np.iinfo(kind).max, (height, width, *channels), kind)
            image = PIL.Image.fromarray(pixels)
            if mode == "P":
                image = PIL.Image.merge("RGB", [image] * 3).convert("P")
            image.save(folder / name / file, **options)
    return folder


@pytest.mark.parametrize("memory", [0, 2**30], ids=["decoded every epoch", "decoded once"])
def test_image_files_are_read_as_by_the_pipelines(memory, tmp_path):
    folder = odd_images(tmp_path / "images")
    splits = kerasdl.data.load(str(folder), image_size=(16, 12), memory=memory, validation=0)
    assert splits.info.shape == (16, 12, 3)
    task = tasks.create("classification", splits.info)
    (expected, _), files = shared.gather(splits.test), splits.info.files["test"]
    np.testing.assert_array_equal(task.read_images(files), expected)
    train = dict(zip(splits.info.files["train"], range(100), strict=False))
    found = task.read_images(list(train))
    for pictures, labels in splits.train:
        for picture, label in zip(pictures.numpy(), labels.numpy(), strict=True):
            same = (found == picture).all(axis=(1, 2, 3))
            assert [pathlib.Path(f).parent.name for f, i in train.items() if same[i]] == [
                splits.info.classes[label]
            ]


def test_rows_of_a_table_are_read_as_by_the_pipelines(tmp_path):
    random, file = np.random.default_rng(0), tmp_path / "rows.csv"
    rows = [f"{random.normal()},{random.choice(['x', 'y'])},{random.normal()}" for _ in range(40)]
    file.write_text("\n".join(["size,kind,goal", *rows]))
    splits = kerasdl.data.load(str(file), target="goal", validation=0)
    task = tasks.create("regression", splits.info)
    ((places, found),) = task.read_batches([str(file)])
    assert [place["line"] for place in places] == list(range(2, 42))
    parts = [shared.gather(split)[0] for split in (splits.train, splits.test)]
    assert found.dtype == parts[0].dtype
    assert sorted(map(tuple, found)) == sorted(map(tuple, np.concatenate(parts)))


def test_many_files_are_predicted_in_batches_by_a_function_that_is_traced_once(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(shared, "LARGEST_BATCH", 3 * 64)  # numbers of three images
    files = [str(tmp_path / f"{number}.png") for number in range(7)]
    for number, file in enumerate(files):
        keras.utils.save_img(file, np.full((8, 8, 1), 30 * number), scale=False)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.GlobalAveragePooling2D()])
    task = classification(IMAGES, ("a",))
    sizes, traced = [], []

    def outputs(model, inputs):
        traced.append(inputs.shape)
        return model(inputs, training=False)

    monkeypatch.setattr(task, "outputs", outputs)
    rows = []
    for some in (files, files[:1], files[:5]):
        for places, inputs, means in task.predict_files(model, some):
            sizes.append(len(inputs))
            rows += [(row["input"], mean) for row, (mean,) in zip(places, means, strict=True)]
    assert sizes == [3, 3, 1, 1, 3, 2] and traced == [(None, 8, 8, 1)]
    expected = [(file, 30 * n / 255) for some in (7, 1, 5) for n, file in enumerate(files[:some])]
    assert [file for file, _ in rows] == [file for file, _ in expected]
    np.testing.assert_allclose([mean for _, mean in rows], [mean for _, mean in expected], 1e-6)
    dataset = made.splits(IMAGES, LABELS, "classification").test  # batches of 3 and 1
    means, labels = task.apply_all(model, dataset)
    assert means.shape == (4, 1) and len(labels) == 4 and len(traced) == 1
    other = keras.models.clone_model(model)
    assert len(list(task.predict_files(other, files[:1]))) == 1 and len(traced) == 2


def test_rows_of_a_large_table_are_predicted_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "MOST_EXAMPLES", 16)
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(["size,goal", *(f"{n},{n % 2}" for n in range(40))]))
    splits = kerasdl.data.load(str(file), target="goal", validation=0)
    batches = list(tasks.create("classification", splits.info).read_batches([str(file)] * 2))
    assert [len(inputs) for _, inputs in batches] == [16, 16, 8] * 2
    lines = [place["line"] for places, _ in batches for place in places]
    assert lines == list(range(2, 42)) * 2


def test_file_that_is_no_image_is_named_and_a_missing_one_before_any_is_read(tmp_path):
    task = classification(IMAGES)
    keras.utils.save_img(tmp_path / "good.png", np.zeros((8, 8, 1)), scale=False)
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "damaged.gif").write_bytes(b"GIF89a, but damaged")
    good, text, gif = (str(tmp_path / name) for name in ("good.png", "text.png", "damaged.gif"))
    for bad in (text, gif):
        with pytest.raises(InvalidInput, match=rf"image file `{bad}`. Expected a JPEG.*Received"):
            task.read_images([good, good, bad])
    with pytest.raises(InvalidInput, match=r"none.png, which is no file"):
        next(task.read_batches([text, str(tmp_path / "none.png")]))


def test_one_image_is_saved_for_each_class_that_has_any(tmp_path):
    labels = np.array([2, 0, 2, 0], "int32")
    images = np.stack([np.full((4, 4, 1), n / 5, "float32") for n in range(4)])
    splits = made.splits(images, labels, "classification", classes=("a", "b", "c"))
    shared.save_images(splits, tmp_path / "images")
    shared.save_images(splits, tmp_path / "images")  # the folder may exist
    found = {p.name: keras.utils.load_img(p) for p in (tmp_path / "images").iterdir()}
    assert {name: image.getpixel((0, 0))[0] for name, image in found.items()} == {
        "a.png": 51,
        "c.png": 0,
    }
    for other in (
        made.splits(images, labels, "classification"),
        made.splits(images[:, 0, 0], labels, "classification", classes=("a", "b", "c")),
    ):
        shared.save_images(other, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_task_without_figures_of_inputs_raises():
    splits = made.splits(IMAGES[:, 0, 0], IMAGES[:, 0, 0], "regression")
    with pytest.raises(InvalidInput, match=r"none \(regression has no figures.*Received: x.csv"):
        tasks.create("regression", splits.info).explain(None, ["x.csv", "y.csv"])


def compiled(**settings):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    shared.compile_and_build(model, keras.optimizers.Adam(), "mse", **settings)
    return model


def test_compiled_model_has_a_built_optimizer():
    model = compiled(steps_per_execution=4)
    assert model.optimizer.built and model.steps_per_execution == 4
    assert len(model.optimizer.variables) > 2 and model.loss == "mse"


@pytest.mark.parametrize(
    ("kinds", "asked", "compiles"),
    [
        (["CPU"], "auto", False),
        (["CPU", "GPU"], "auto", True),
        (["CPU"], True, True),
        (["CPU", "GPU"], False, False),
    ],
)
def test_xla_is_used_on_a_gpu_unless_asked_otherwise(kinds, asked, compiles, monkeypatch):
    devices = [tf.config.PhysicalDevice(f"/physical_device:{kind}:0", kind) for kind in kinds]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda: devices)
    assert compiled(jit_compile=asked).jit_compile is compiles
    recipe = recipes.get("mlp").replace(jit_compile=asked)
    assert prepare.compiled_model(recipe, classification(IMAGES), 1).jit_compile is compiles


def test_options_of_a_task_are_checked_and_completed():
    info = made.splits(IMAGES, LABELS, "classification", classes=("a",)).info
    defaults = {"label_smoothing": 0.0, "class_weights": None}
    assert tasks.create("classification", info).options == defaults
    given = {**defaults, "label_smoothing": 0.2}
    assert tasks.create("classification", info, given).options == given
    with pytest.raises(InvalidInput, match=r"option for classification.*label_smoothing.*smooth"):
        tasks.create("classification", info, {"smooth": 1})


def test_replacing_task_gets_the_options_that_it_has():
    splits = made.splits(IMAGES[:, 0, 0], IMAGES[:, 0, 0], "regression")
    task = tasks.create("classification", splits.info, {"label_smoothing": 0.1})
    assert task.title == "regression" and task.options == {}
