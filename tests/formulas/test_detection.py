"""Detection, compared with Keras, scikit-learn, SciPy and torchvision."""

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from scipy import integrate, optimize

from kerasdl.formulas import boxes, detection

RANDOM = np.random.default_rng(0)


def test_localization_loss_is_the_sum_of_two_losses(same):
    logits = keras.layers.Dense(3, name="label")(features := keras.Input((5,)))
    model = keras.Model(features, {"label": logits, "box": keras.layers.Dense(4)(features)})
    crossed = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss={"label": crossed, "box": "mse"})
    x, box, label = RANDOM.random((6, 5)), RANDOM.random((6, 4)), RANDOM.integers(0, 3, 6)
    theirs = model.evaluate(x, {"label": label, "box": box}, batch_size=6, verbose=0)
    theirs = theirs[0] if isinstance(theirs, list) else theirs
    said = model.predict_on_batch(x)
    p = np.exp(said["label"]) / np.exp(said["label"]).sum(axis=1, keepdims=True)
    ours = detection.localization_loss(label, p, box, said["box"])
    same(detection.localization_loss, "keras.Model.compile(loss={...})", ours, theirs)


@pytest.mark.parametrize("gamma", [0, 1, 2, 5])
@pytest.mark.parametrize("alpha", [None, 0.25])
def test_focal_loss(gamma, alpha, same, reference):
    numbers = reference("focal_loss")
    logits, targets = numbers["logits"], numbers["targets"]
    ours = detection.focal_loss(targets, logits, gamma, alpha)
    theirs = numbers[f"g{gamma}_a{-1 if alpha is None else alpha}"]
    name = "torchvision sigmoid_focal_loss (fixture)"
    same(detection.focal_loss, name, ours, theirs)
    loss = keras.losses.BinaryFocalCrossentropy(
        alpha is not None, alpha or 0.25, gamma, from_logits=True, reduction=None
    )
    theirs = loss(targets[..., None], logits[..., None])
    same(detection.focal_loss, "keras.losses.BinaryFocalCrossentropy", ours, theirs)


def test_focal_loss_reduces_the_loss_of_easy_examples():
    def loss(p, gamma):
        return float(detection.focal_loss(1, np.log(p / (1 - p)), gamma))

    assert [round(loss(0.9, g), 6) for g in (0, 1, 2)] == [0.105361, 0.010536, 0.001054]
    assert loss(0.9, 5) == pytest.approx(1.05e-6, rel=0.01)
    assert loss(0.1, 2) == pytest.approx(1.865094, abs=1e-6)
    easy, hard = ([count * loss(p, g) for g in (0, 2)] for count, p in ((1000, 0.99), (1, 0.1)))
    of_easy = [e / (e + h) for e, h in zip(easy, hard, strict=True)]
    assert of_easy[0] > 0.8 and of_easy[1] < 0.001


@pytest.mark.parametrize("beta", [1.0, 0.11])
def test_smooth_l1_equals_keras_huber(beta, same):
    y, p = RANDOM.normal(size=(2, 30, 1))
    theirs = keras.losses.Huber(beta, reduction=None)(y, p) / beta
    same(detection.smooth_l1, "keras.losses.Huber", detection.smooth_l1(y, p, beta)[:, 0], theirs)


def test_detector_loss_equals_two_losses_of_keras(same):
    y = (RANDOM.random((20, 3)) > 0.8).astype("float32")
    z, codes, said = RANDOM.normal(size=(20, 3)), *RANDOM.normal(size=(2, 20, 4))
    keras_losses = keras.losses
    focal = keras_losses.BinaryFocalCrossentropy(True, from_logits=True, reduction="sum")
    positive = y.any(axis=1)
    where = 4 * keras_losses.Huber(reduction="sum")(codes[positive], said[positive])
    theirs = (focal(y[..., None], z[..., None]) + where) / positive.sum()
    ours = detection.detector_loss(y, z, codes, said)
    name = "keras.losses.BinaryFocalCrossentropy and Huber"
    same(detection.detector_loss, name, ours, theirs)
    assert np.isfinite(detection.detector_loss(0 * y, z, codes, said))  # an empty image


def test_each_object_is_matched_once(same):
    truths = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10], [0, 20, 10, 30]])
    found = np.repeat(truths, 2, axis=0) + RANDOM.uniform(-1.5, 1.5, (6, 4))
    scores = RANDOM.permutation(6) / 6
    ours = detection.matches(found, scores, truths)
    # each object has one match; SciPy assigns the detection with the highest score
    cost = np.where(boxes.iou(found, truths) >= 0.5, -1 - scores[:, None], 0)
    rows, columns = optimize.linear_sum_assignment(cost)
    theirs = np.zeros(6, bool)
    theirs[rows[cost[rows, columns] < 0]] = True
    theirs = theirs[np.argsort(-scores)]
    same(detection.matches, "scipy.optimize.linear_sum_assignment", ours, theirs)
    assert ours.sum() == 3
    at_half = np.array([[0.0, 0, 10, 5], [0, 0, 10, 4.9]])
    answers = [detection.matches(b[None], np.ones(1), truths)[0] for b in at_half]
    assert answers == [True, False]


def test_precision_and_recall(same):
    found, scores = RANDOM.random(30) < 0.6, np.sort(RANDOM.random(30))[::-1]
    precision, recall, _ = sklearn.metrics.precision_recall_curve(found, scores)
    ours = list(detection.precision_recall(found, found.sum()))
    theirs = [part[::-1][1:] for part in (precision, recall)]
    ours = [part[: len(theirs[0])] for part in ours]  # scikit-learn stops at full recall
    same(
        detection.precision_recall,
        "sklearn.metrics.precision_recall_curve",
        ours,
        [part[: len(ours[0])] for part in theirs],
    )


@pytest.mark.rows("E-03")
@pytest.mark.parametrize("truths", [20, 35])
def test_average_precision(truths, same):
    found = RANDOM.random(40) < np.linspace(1, 0.1, 40)
    found[np.flatnonzero(found)[truths:]] = False
    precision, recall = detection.precision_recall(found, truths)

    def best(at):
        return max(precision[recall >= at], default=0.0)

    steps = recall[np.flatnonzero(found)]
    theirs = integrate.quad(best, 0, steps[-1], points=steps[:-1], limit=200)[0]
    ours = detection.average_precision(found, truths)
    same(detection.average_precision, "scipy.integrate.quad of the envelope", ours, theirs)
    for points in (11, 101):
        theirs = np.mean([best(at - 1e-9) for at in np.linspace(0, 1, points)])
        ours = detection.average_precision(found, truths, points)
        assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("right", [3, 6, 7])
def test_average_precision_at_exact_recall_levels(right):
    ours = detection.average_precision(np.ones(right, bool), 10, points=11)
    assert ours == pytest.approx((right + 1) / 11)  # recalls 0 to right / 10, also of 3 / 10


def test_an_image_without_objects_has_no_matches():
    boxes = np.array([[0.0, 0, 2, 2]])
    assert not detection.matches(boxes, np.ones(1), np.zeros((0, 4))).any()


def test_average_precision_of_a_falling_curve_equals_scikit_learn(same):
    found = np.array([True] * 5 + [False] * 3)
    theirs = sklearn.metrics.average_precision_score(found, np.arange(8, 0, -1))
    name = "sklearn.metrics.average_precision_score, precision falling"
    same(detection.average_precision, name, detection.average_precision(found, 5), theirs)


@pytest.mark.rows("E-03")
def test_average_recall(same):
    overlaps = RANDOM.random(20)
    grid = np.linspace(0.5, 1, 100_001)
    recall = (overlaps[:, None] >= grid).mean(axis=0)
    theirs = 2 * integrate.trapezoid(recall, grid)
    ours = detection.average_recall(overlaps)
    same(detection.average_recall, "scipy.integrate.trapezoid", ours, theirs, at_most=1e-4)
    assert detection.average_recall([0.8]) == pytest.approx(0.6)


@pytest.mark.parametrize("count", [1, 3])
def test_boxes_half_a_pixel_off_are_matched(count):
    truths = np.array([[2.0, 2, 12, 12], [20, 4, 28, 12], [6, 20, 16, 30]])[:count]
    found = detection.matches(truths + 0.5, np.linspace(1, 0.5, count), truths)
    assert detection.average_precision(found, count) == 1
    assert tf.reduce_all(found)
