"""MeanAveragePrecision equals pycocotools in all twelve numbers, for boxes, masks and crowds."""

import contextlib
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from pycocotools import coco, cocoeval, mask

from kerasdl import metrics
from kerasdl.errors import InvalidInput
from kerasdl.metrics import average_precision

CLASSES, OBJECTS, DETECTIONS = 3, 5, 12


def boxes(random, shape, size):
    first = random.uniform(0, size * 0.7, (*shape, 2))
    return np.concatenate([first, first + random.uniform(2, size * 0.6, (*shape, 2))], axis=-1)


def scene(seed, images=12, size=160, crowds=False):
    """Random objects, and detections that are often near them."""
    random = np.random.default_rng(seed)
    true = {
        "boxes": boxes(random, (images, OBJECTS), size).astype("float32"),
        "class": random.integers(-1, CLASSES, (images, OBJECTS)),
        "crowd": (random.random((images, OBJECTS)) < 0.2 * crowds).astype("int32"),
    }
    found = {
        "boxes": boxes(random, (images, DETECTIONS), size).astype("float32"),
        "class": random.integers(-1, CLASSES, (images, DETECTIONS)),
        "score": random.random((images, DETECTIONS)).round(2).astype("float32"),
    }
    near = random.integers(OBJECTS, size=(images, DETECTIONS))
    jitter = random.normal(0, 4, (images, DETECTIONS, 4))
    for i in range(images):
        close = random.random(DETECTIONS) < 0.7
        found["boxes"][i, close] = (true["boxes"][i, near[i]] + jitter[i])[close]
        found["class"][i, close] = true["class"][i, near[i]][close]
    found["boxes"][..., 2:] = np.maximum(found["boxes"][..., 2:], found["boxes"][..., :2] + 1)
    return true, found


def painted(boxes, size):
    """Masks of discs in boxes."""
    rows, columns = np.mgrid[:size, :size] + 0.5
    x1, y1, x2, y2 = np.moveaxis(boxes, -1, 0)[..., None, None]
    u = (2 * columns - x1 - x2) / (x2 - x1)
    v = (2 * rows - y1 - y2) / (y2 - y1)
    return (u**2 + v**2 < 1).astype("float32")


def by_pycocotools(true, found):
    """The twelve numbers of COCO's own evaluation."""
    kind = "segm" if "masks" in true else "bbox"

    def entry(source, i, j):
        x1, y1, x2, y2 = map(float, source["boxes"][i, j])
        one = {"image_id": i + 1, "category_id": int(source["class"][i, j]) + 1}
        one |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        if kind == "segm":
            drawn = mask.encode(np.asfortranarray(source["masks"][i, j].astype("uint8")))
            del one["bbox"]  # pycocotools would take its area
            one |= {"segmentation": drawn, "area": float(mask.area(drawn))}
        return one

    def entries(source):
        for i, j in zip(*np.nonzero(source["class"] >= 0), strict=True):
            yield int(i), int(j), entry(source, i, j)

    objects = [
        {**one, "id": number, "iscrowd": int(true["crowd"][i, j])}
        for number, (i, j, one) in enumerate(entries(true), 1)
    ]
    answers = [{**one, "score": float(found["score"][i, j])} for i, j, one in entries(found)]
    size = true["masks"].shape[-1] if kind == "segm" else 1000
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "info": {},
            "images": [
                {"id": i + 1, "height": size, "width": size} for i in range(len(true["class"]))
            ],
            "categories": [{"id": i + 1, "name": str(i)} for i in range(CLASSES)],
            "annotations": objects,
        }
        truth.createIndex()
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(answers), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def values(metric):
    return np.array([float(number) for number in metric.result().values()])


@pytest.mark.rows("DET-13", "DET-14")
@pytest.mark.parametrize("crowds", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_boxes_equal_pycocotools(seed, crowds):
    true, found = scene(seed, crowds=crowds)
    metric = metrics.MeanAveragePrecision(CLASSES)
    for part in range(3):  # batches of 4
        some = slice(4 * part, 4 * part + 4)
        metric.update_state(*({k: v[some] for k, v in side.items()} for side in (true, found)))
    np.testing.assert_allclose(values(metric), by_pycocotools(true, found), atol=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_masks_equal_pycocotools(seed):
    true, found = scene(seed, images=6, size=64, crowds=True)
    true["masks"], found["masks"] = painted(true["boxes"], 64), painted(found["boxes"], 64)
    metric = metrics.MeanAveragePrecision(CLASSES)
    metric.update_state(true, found)
    np.testing.assert_allclose(values(metric), by_pycocotools(true, found), atol=1e-6)


def test_more_than_100_detections_and_equal_scores():
    random = np.random.default_rng(5)
    true, found = scene(0, images=2)
    many = {
        "boxes": np.tile(found["boxes"], (1, 12, 1)) + random.normal(0, 2, (2, 144, 4)),
        "class": np.tile(found["class"], (1, 12)),
        "score": np.tile(found["score"], (1, 12)).round(1),
    }
    many["boxes"][..., 2:] = np.maximum(many["boxes"][..., 2:], many["boxes"][..., :2] + 1)
    many["class"][:] = 0
    metric = metrics.MeanAveragePrecision(CLASSES)
    metric.update_state(true, many)
    np.testing.assert_allclose(values(metric), by_pycocotools(true, many), atol=1e-6)


def test_arrays_and_fractions_of_the_image_give_the_same():
    true, found = scene(1)
    metric = metrics.MeanAveragePrecision(CLASSES, image_size=(100, 200))
    scale = np.array([200, 100, 200, 100], "float32")
    true_rows = np.concatenate([true["boxes"] / scale, true["class"][..., None]], axis=-1)
    rows = [found["boxes"] / scale, found["class"][..., None], found["score"][..., None]]
    metric.update_state(true_rows, np.concatenate(rows, axis=-1))
    pixels = metrics.MeanAveragePrecision(CLASSES)
    pixels.update_state(true, found)
    np.testing.assert_allclose(values(metric), values(pixels), atol=1e-5)


def test_no_objects_is_minus_one_and_no_detections_is_zero():
    metric = metrics.MeanAveragePrecision(2)
    assert (values(metric) == -1).all()
    metric.update_state(np.array([[[0, 0, 50, 50, 1]]]), np.array([[[0, 0, 50, 50, -1, 0.9]]]))
    assert metric.result()["ap"] == 0 and metric.result()["ar_100"] == 0
    metric.reset_state()
    assert (values(metric) == -1).all()


def test_recall_is_the_second_half():
    true, found = scene(2)
    recall, precision = metrics.MeanAverageRecall(CLASSES), metrics.MeanAveragePrecision(CLASSES)
    for metric in (recall, precision):
        metric.update_state(true, found)
    assert [*recall.result()] == list(average_precision.NAMES[6:])
    np.testing.assert_array_equal(values(recall), values(precision)[6:])


def nothing(y_true, y_pred):
    return 0 * keras.ops.mean(y_pred, axis=(1, 2))


def test_it_is_a_metric_of_compile_and_of_two_replicas():
    true, found = scene(3, images=8)
    rows = [found["boxes"], found["class"][..., None], found["score"][..., None]]
    rows = np.concatenate(rows, axis=-1).astype("float32")
    targets = np.concatenate([true["boxes"], true["class"][..., None]], axis=-1).astype("float32")
    direct = metrics.MeanAveragePrecision(CLASSES)
    direct.update_state(targets, rows)
    devices = tf.config.list_logical_devices("CPU")
    for strategy in (None, tf.distribute.MirroredStrategy(devices)):
        with strategy.scope() if strategy else contextlib.nullcontext():
            inputs = keras.Input(rows.shape[1:])
            model = keras.Model(inputs, keras.layers.Identity()(inputs))
            model.compile(loss=nothing, metrics=[metrics.MeanAveragePrecision(CLASSES)])
        logs = model.evaluate(rows, targets, batch_size=4, verbose=0, return_dict=True)
        for name, number in direct.result().items():
            assert logs[name] == pytest.approx(float(number), abs=1e-6), name


@pytest.mark.parametrize(
    ("true", "found", "match"),
    [
        (np.zeros((1, 2, 4)), np.zeros((1, 2, 6)), "`y_true`"),
        (np.zeros((1, 2, 5)), np.zeros((1, 2, 5)), "`y_pred`"),
        ({"boxes": np.zeros((1, 2, 4))}, np.zeros((1, 2, 6)), "with class"),
        (
            {
                "boxes": np.zeros((1, 1, 4)),
                "class": np.zeros((1, 1)),
                "masks": np.ones((1, 1, 2, 2)),
            },
            np.zeros((1, 1, 6)),
            "masks",
        ),
    ],
)
def test_other_input_is_refused(true, found, match):
    with pytest.raises(InvalidInput, match=match):
        metrics.MeanAveragePrecision(2).update_state(true, found)


def test_more_detections_than_the_capacity_are_an_error():
    metric = metrics.MeanAveragePrecision(1, capacity=3)
    row = np.tile([0, 0, 5, 5, 0, 0.5], (1, 2, 1))
    metric.update_state(np.zeros((1, 1, 5)), row)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`capacity` is 3"):
        metric.update_state(np.zeros((1, 1, 5)), row)


def test_a_saved_metric_comes_back():
    metric = metrics.MeanAveragePrecision(4, image_size=(32, 48), capacity=10)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert (again.num_classes, tuple(again.image_size), again.capacity) == (4, (32, 48), 10)
