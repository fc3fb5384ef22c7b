"""Mean average precision and recall of detectors, by the rules of COCO."""

from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.metrics.base import refuse_weights
from kerasdl.utils import checks

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of the overlap
RECALLS = np.linspace(0, 1, 101)
AREAS = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
MOST = (1, 10, 100)  # detections of a class in an image that count
FALSE, TRUE, IGNORED = 0, 1, 2  # what a detection is, for an overlap and a range of areas
STATES = len(AREAS) * len(THRESHOLDS)
NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large"),
)


@keras.saving.register_keras_serializable(package="kerasdl")
class MeanAveragePrecision(keras.metrics.Metric):
    """How well a detector finds all objects of all classes: the twelve numbers of COCO.

    A detection is right if it has the class of an object that no better detection took, and
    overlaps it enough. Detections are sorted by their scores; precision and recall of the first k,
    for every k, make a curve, and the average precision of a class is the area under it:

        AP = mean over 101 recalls r of the largest precision at a recall of at least r

    `ap` is the mean over classes and over overlaps (IoU) of 0.5, 0.55, ..., 0.95; `ap50` and `ap75`
    have one overlap; `ap_small`, `ap_medium` and `ap_large` count objects of less than 32^2 pixels,
    up to 96^2, and more. `ar_1`, `ar_10` and `ar_100` are the mean recalls of the first 1, 10 and
    100 detections of each class and image, `ar_small`, ... those of 100 by size. A number that no
    object defines is -1. `result()` is a dictionary of all twelve.

    Args:
        num_classes: int, number of classes.
        image_size: tuple (height, width), if boxes are fractions of the image's width and height;
            by default they are pixels.
        capacity: int, detections that are kept until `reset_state`. More are an error.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Call arguments of `update_state`:
        y_true: (batch, objects, 5): x1, y1, x2, y2 and the class, -1 where an image has fewer
            objects; or a dictionary of "boxes" (batch, objects, 4) and "class" (batch, objects).
            A dictionary may also have "crowd", 1 for a box around many objects, in which all
            detections are allowed, and "masks" (batch, objects, height, width).
        y_pred: (batch, detections, 6): x1, y1, x2, y2, class and score, with class -1 for rows that
            are no detections; or a dictionary of "boxes", "class" and "score". With "masks" in
            both, overlaps and areas are those of the masks.

    Example:
        >>> metric = MeanAveragePrecision(num_classes=2)
        >>> metric.update_state([[[0, 0, 40, 40, 1]]], [[[0, 0, 40, 30, 1, 0.9]]])
        >>> round(float(metric.result()["ap50"]), 3), round(float(metric.result()["ap"]), 3)
        (1.0, 0.6)

    Reference: Lin et al. (2014), Microsoft COCO: Common Objects in Context, and its `pycocotools`.
    """

    shown: ClassVar[tuple[str, ...]] = NAMES

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int] | None = None,
        capacity: int = 20_000,
        name: str = "mean_average_precision",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.integers(num_classes=num_classes, capacity=capacity)
        if image_size is not None:
            checks.integer_tuples(length=2, image_size=image_size)
        checks.model_options(name=name, dtype=dtype)
        super().__init__(dtype, name)
        self.num_classes = num_classes
        self.image_size = image_size
        self.capacity = capacity
        # a row for each detection: score, class, rank from 1 in its image and class, and its states
        columns = 3 + STATES
        self.rows = self.add_variable((capacity, columns), "zeros", "float32", name="rows")
        self.filled = self.add_variable((), "zeros", "int32", name="filled")
        self.objects = self.add_variable(
            (num_classes, len(AREAS)), "zeros", "float32", name="objects"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch of images with their objects and detections."""
        refuse_weights(self, sample_weight)
        true, found = self._parts(y_true, "y_true", 5), self._parts(y_pred, "y_pred", 6)
        masks = [part.pop("masks", None) for part in (true, found)]
        if (masks[0] is None) != (masks[1] is None):
            raise InvalidInput("masks", "in both `y_true` and `y_pred`, or in none", "in one")
        if masks[0] is None:
            masks = [tf.zeros((0,)), tf.zeros((0,))]
        inputs = [true["boxes"], true["class"], true["crowd"], masks[0]]
        inputs += [found["boxes"], found["class"], found["score"], masks[1]]
        rows, objects = tf.numpy_function(
            self._matched, [ops.cast(part, "float32") for part in inputs], ["float32", "float32"]
        )
        rows = tf.ensure_shape(rows, (None, 3 + STATES))
        context, share = tf.distribute.get_replica_context(), self.capacity
        start = 0
        if context is not None and context.num_replicas_in_sync > 1:
            # each replica has its own part of the rows, so that the sum of all holds each row once
            share = self.capacity // context.num_replicas_in_sync
            start = context.replica_id_in_sync_group * share
        count = tf.shape(rows)[0]
        full = tf.debugging.Assert(
            self.filled + count <= share,
            [f"Too many detections for MeanAveragePrecision: `capacity` is {self.capacity}."],
        )
        with tf.control_dependencies([full] if full is not None else []):
            places = start + ops.convert_to_tensor(self.filled) + tf.range(count)
        self.rows.assign(tf.tensor_scatter_nd_update(self.rows.value, places[:, None], rows))
        self.filled.assign_add(count)
        self.objects.assign_add(tf.ensure_shape(objects, self.objects.shape))

    def _parts(self, given, what, columns):
        """Return boxes, classes, scores or crowds, and masks if there are any."""
        if isinstance(given, dict):
            parts = dict(given)
            needed = {"boxes", "class"} | ({"score"} if what == "y_pred" else set())
            if missing := needed - set(parts):
                raise InvalidInput(f"`{what}`", f"with {', '.join(sorted(missing))}", [*parts])
        else:
            array = ops.convert_to_tensor(given)
            checks.shaped(self, array.shape, (None, None, columns), f"`{what}`, an input")
            parts = {"boxes": array[..., :4], "class": array[..., 4]}
            if what == "y_pred":
                parts["score"] = array[..., 5]
        if what == "y_true":
            parts.setdefault("crowd", ops.zeros_like(parts["class"]))
        return parts

    def _matched(self, boxes, classes, crowd, masks, found, labels, scores, found_masks):
        """Compare the detections of each image with its objects (NumPy)."""
        if self.image_size is not None:
            height, width = self.image_size
            boxes, found = (part * np.array([width, height] * 2) for part in (boxes, found))
        rows, objects = [], np.zeros((self.num_classes, len(AREAS)), "float32")
        for i in range(len(classes)):
            present = {int(c) for c in [*classes[i], *labels[i]] if 0 <= c < self.num_classes}
            for label in sorted(present):
                truth = np.flatnonzero(classes[i] == label)
                best = np.flatnonzero(labels[i] == label)
                best = best[np.argsort(-scores[i][best], kind="mergesort")][: MOST[-1]]
                if masks.size or found_masks.size:
                    overlap, sizes, areas = mask_overlaps(
                        found_masks[i][best], masks[i][truth], crowd[i][truth]
                    )
                else:
                    overlap, sizes, areas = box_overlaps(
                        found[i][best], boxes[i][truth], crowd[i][truth]
                    )
                states, counted = match(overlap, sizes, areas, crowd[i][truth] > 0)
                objects[label] += counted
                ranks = 1 + np.arange(len(best))
                head = np.stack([scores[i][best], np.full(len(best), label), ranks])
                rows.append(np.concatenate([head.T, states], axis=1))
        rows = np.concatenate([np.zeros((0, 3 + STATES)), *rows])
        return rows.astype("float32"), objects

    def result(self):
        """Return a dictionary of the numbers."""
        numbers = tf.numpy_function(self._numbers, [self.rows.value, self.objects.value], "float32")
        numbers = tf.unstack(tf.ensure_shape(numbers, (len(NAMES),)))
        numbers = dict(zip(NAMES, numbers, strict=True))
        return {name: ops.cast(numbers[name], self.dtype) for name in self.shown}

    def _numbers(self, rows, objects):
        rows = rows[rows[:, 2] > 0]  # the others were never written
        precision = -np.ones((len(THRESHOLDS), len(RECALLS), self.num_classes, len(AREAS)))
        recall = -np.ones((len(THRESHOLDS), self.num_classes, len(AREAS), len(MOST)))
        for label in range(self.num_classes):
            of_class = rows[rows[:, 1] == label]
            for area in range(len(AREAS)):
                if not objects[label, area]:
                    continue
                for k, most in enumerate(MOST):
                    some = of_class[of_class[:, 2] <= most]
                    some = some[np.argsort(-some[:, 0], kind="mergesort")]
                    states = some[:, 3:].reshape(len(some), len(AREAS), len(THRESHOLDS))[:, area].T
                    curve, reached = _curve(states, objects[label, area])
                    recall[:, label, area, k] = reached
                    if most == MOST[-1]:
                        precision[:, :, label, area] = curve
        places = {name: i for i, name in enumerate(AREAS)}
        ap = [_mean(precision[..., 0])]
        ap += [_mean(precision[THRESHOLDS.searchsorted(t - 0.01), ..., 0]) for t in (0.5, 0.75)]
        ap += [_mean(precision[..., places[name]]) for name in ("small", "medium", "large")]
        ar = [_mean(recall[:, :, 0, k]) for k in range(len(MOST))]
        ar += [_mean(recall[:, :, places[name], -1]) for name in ("small", "medium", "large")]
        return np.array(ap + ar, "float32")

    def get_config(self):
        own = {name: getattr(self, name) for name in ("num_classes", "image_size", "capacity")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="kerasdl")
class MeanAverageRecall(MeanAveragePrecision):
    """The recalls of `MeanAveragePrecision`: `ar_1`, `ar_10`, `ar_100`, and those by size.

    Args:
        num_classes, image_size, capacity, name, dtype: As in `MeanAveragePrecision`.

    Example:
        >>> metric = MeanAverageRecall(num_classes=2)
        >>> metric.update_state([[[0, 0, 40, 40, 1]]], [[[0, 0, 40, 30, 1, 0.9]]])
        >>> round(float(metric.result()["ar_1"]), 3)
        0.6
    """

    shown: ClassVar[tuple[str, ...]] = NAMES[6:]

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int] | None = None,
        capacity: int = 20_000,
        name: str = "mean_average_recall",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        super().__init__(num_classes, image_size, capacity, name, dtype)


def box_overlaps(found: np.ndarray, boxes: np.ndarray, crowd: np.ndarray) -> tuple:
    """Return the overlap of each detection with each object, and the areas of both.

    A crowd's overlap is the part of the detection that lies in it.

    >>> box_overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]]), np.zeros(1))[0].round(3)
    array([[0.333]])
    """
    first = np.maximum(found[:, None, :2], boxes[None, :, :2])
    last = np.minimum(found[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.maximum(last - first, 0), axis=-1)
    sizes, areas = (np.prod(b[:, 2:] - b[:, :2], axis=-1) for b in (found, boxes))
    return _over_union(shared, sizes, areas, crowd), sizes, areas


def mask_overlaps(found: np.ndarray, masks: np.ndarray, crowd: np.ndarray) -> tuple:
    """Return the overlap of each detected mask with each true one, and the areas of both.

    >>> mask_overlaps(np.ones((1, 2, 2)), np.eye(2)[None], np.zeros(1))[0]
    array([[0.5]])
    """
    found, masks = (np.asarray(part) > 0.5 for part in (found, masks))
    found, masks = (
        part.reshape(len(part), part.shape[1] * part.shape[2]).astype("float64")
        for part in (found, masks)
    )
    sizes, areas = found.sum(axis=1), masks.sum(axis=1)
    return _over_union(found @ masks.T, sizes, areas, crowd), sizes, areas


def _over_union(shared, sizes, areas, crowd):
    union = sizes[:, None] + np.where(crowd > 0, 0, areas - shared)
    return shared / np.maximum(union, 1e-12)


def match(
    overlap: np.ndarray, sizes: np.ndarray, areas: np.ndarray, crowd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give each detection, the best first, the object that it overlaps most and that is free.

    Args:
        overlap: array (detections, objects).
        sizes: array (detections,), their areas.
        areas: array (objects,), their areas.
        crowd: bool array (objects,), which of them are crowds.

    Returns:
        The state of each detection for each range of areas and each overlap, (detections, states),
        and the number of objects in each range.

    >>> states, counted = match(np.array([[0.8], [0.9]]), np.ones(2), np.ones(1), np.array([False]))
    >>> states[:, 0].tolist(), counted.tolist()
    ([1.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    """
    ranges = np.array([*AREAS.values()])  # (areas, 2)
    outside = (areas < ranges[:, :1]) | (areas > ranges[:, 1:])
    ignored = np.repeat(outside | crowd, len(THRESHOLDS), axis=0)  # (states, objects)
    thresholds = np.tile(np.minimum(THRESHOLDS, 1 - 1e-10), len(AREAS))
    free = np.ones_like(ignored)
    beyond = (sizes < ranges[:, :1]) | (sizes > ranges[:, 1:])
    beyond = np.repeat(beyond, len(THRESHOLDS), axis=0)  # (states, detections)
    states = np.zeros((len(overlap), STATES))
    every = np.arange(STATES)
    for i, row in enumerate(overlap if overlap.shape[1] else ()):
        fits = (free | crowd) & (row >= thresholds[:, None])
        # objects that count come first; of equal overlaps the last one is taken
        rank = np.where(fits, row + 2.0 * ~ignored, -1)
        taken = rank.shape[1] - 1 - rank[:, ::-1].argmax(axis=1)
        hit = rank[every, taken] >= 0
        free[every[hit], taken[hit]] = False
        states[i] = np.where(hit, np.where(ignored[every, taken], IGNORED, TRUE), FALSE)
    states[(states == FALSE) & beyond.T] = IGNORED
    return states, (~(outside | crowd)).sum(axis=1).astype("float64")


def _curve(states, objects):
    """Return precisions at 101 recalls for each overlap, and the largest recalls."""
    right, wrong = (np.cumsum(states == kind, axis=1) for kind in (TRUE, FALSE))
    curves, reached = np.zeros((len(states), len(RECALLS))), np.zeros(len(states))
    for i, (true, false) in enumerate(zip(right, wrong, strict=True)):
        if not len(true):
            continue
        recall = true / objects
        precision = true / (true + false + np.spacing(1))
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(recall, RECALLS, side="left")
        curves[i] = np.append(precision, 0)[places]
        reached[i] = recall[-1]
    return curves, reached


def _mean(values):
    """Return the mean of what is defined, -1 if nothing is."""
    defined = values[values > -1]
    return defined.mean() if defined.size else -1.0
