"""Features that a network computes, and how well a linear model predicts labels from them."""

import keras
import numpy as np

from kerasdl.diagnosis import introspection

PENALTY = 0.1  # of the linear model, for features of variance 1
FOLDS = 5
MOST = 800  # examples of which all pairs are compared


def penultimate(model: keras.Model, batches: list[tuple]) -> np.ndarray | None:
    """Return the inputs of a model's last layer with weights, a row for each example.

    Features at several positions, of an image or a sequence, are averaged. `None` if the model
    does not call its last layer as a layer.
    """
    weighted = [layer for layer in introspection.leaves(model) if layer.weights]
    rows = []
    for inputs, *_ in batches:
        found = introspection.calls(model, inputs, weighted)
        size = len(keras.tree.flatten(inputs)[0])
        features = np.asarray(found[-1].input, "float32") if found else np.zeros(0)
        if features.ndim < 2 or len(features) != size:
            return None
        rows.append(features.mean(axis=tuple(range(1, features.ndim - 1))))
    if not rows or len({row.shape[1:] for row in rows}) > 1:
        return None
    joined = np.concatenate(rows)
    return joined if np.isfinite(joined).all() else None


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return class numbers as rows of 0 and 1, divided by the frequency of the class.

    So a linear model that is fitted to them does not prefer the frequent classes.
    """
    rows = np.eye(classes)[labels]
    return rows / np.maximum(rows.mean(axis=0), 1e-3)


def linear(features: np.ndarray, targets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Fit a ridge regression to some rows, and return what it predicts for other rows.

    K = X X^T / d,    predictions = X' X^T / d (K + penalty I)^-1 (Y - mean) + mean
    """
    features, others = (part.reshape(len(part), -1).astype(float) for part in (features, others))
    center, deviation = features.mean(axis=0), features.std(axis=0)
    kept = deviation > 1e-6 * max(1e-30, deviation.max(initial=0.0))
    features, others = ((x - center)[:, kept] / deviation[kept] for x in (features, others))
    width = max(1, features.shape[1])
    kernel = features @ features.T / width
    mean = targets.mean(axis=0)
    weights = np.linalg.solve(kernel + PENALTY * np.eye(len(kernel)), targets - mean)
    return others @ features.T / width @ weights + mean


def nearest(features: np.ndarray, targets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the targets of the nearest neighbor of each row of `others`."""
    features, others = (part.reshape(len(part), -1).astype(float) for part in (features, others))
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b
    squares = np.sum(features**2, axis=1) - 2 * others @ features.T
    return targets[squares.argmin(axis=1)]


def cross_validated(features: np.ndarray, targets: np.ndarray, predict) -> np.ndarray:
    """Predict each row's targets by a model that was fitted to the other folds."""
    fold = np.random.default_rng(0).permutation(len(features)) % FOLDS
    found = np.zeros(targets.shape)
    for number in range(FOLDS):
        held = fold == number
        found[held] = predict(features[~held], targets[~held], features[held])
    return found


def balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean over classes of the fraction of their examples that are predicted."""
    classes = np.unique(labels)
    return float(np.mean([np.mean(predicted[labels == c] == c) for c in classes]))


def predictability(features: np.ndarray, labels: np.ndarray) -> float:
    """Return the cross-validated balanced accuracy of the better of two simple models."""
    features, labels = features[:MOST], labels[:MOST]
    rows = one_hot(labels, labels.max() + 1)
    found = (cross_validated(features, rows, model).argmax(axis=1) for model in (linear, nearest))
    return max(balanced_accuracy(classes, labels) for classes in found)


def guessing(labels: np.ndarray) -> tuple[float, float]:
    """Return the balanced accuracy of guesses, and its standard deviation."""
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    chance = 1 / len(counts)
    return chance, float(np.sqrt(np.sum(chance * (1 - chance) / counts)) / len(counts))


def explained(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return R^2, the fraction of the targets' variance that predictions explain."""
    total = np.sum((targets - targets.mean(axis=0)) ** 2)
    return float(1 - np.sum((targets - predictions) ** 2) / total) if total else 0.0
