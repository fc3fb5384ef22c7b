"""Points in the plane, to see what a classifier or a generator does."""

import numpy as np

from kerasdl.data import splitting
from kerasdl.data.splits import Source


def moons(seed, count=1000, noise=0.2, validation=0.1, test=0.5):
    """Moons: two half circles that hold each other, which no straight line parts.

    count: Number of points.
    noise: Standard deviation of what is added to each coordinate.
    validation, test: Shares of the points.
    """
    import sklearn.datasets

    splitting.check_integer("count", count, 10)
    splitting.check_number("noise", noise)
    points, labels = sklearn.datasets.make_moons(count, noise=noise, random_state=seed)
    rows = splitting.rows_of_splits(labels, seed, validation, test)
    points, labels = points.astype("float32"), labels.astype("int32")
    parts = [(points[part], labels[part]) if len(part) else None for part in rows]
    return Source("classification", *parts, classes=("upper", "lower"))


def ring(seed, count=12_500, modes=8, deviation=0.01, radius=1.0):
    """Ring: Gaussians side by side on a circle; a generator that collapses misses some of them.

    count: Number of points; a tenth validates, a tenth tests.
    modes: Number of Gaussians.
    deviation: Standard deviation of each.
    radius: Of the circle.
    """
    splitting.check_integer("modes", modes, 1)
    splitting.check_number("radius", radius)
    angle = 2 * np.pi * np.arange(modes) / modes
    return _mixture(seed, count, radius * np.stack([np.cos(angle), np.sin(angle)], 1), deviation)


def grid(seed, count=12_500, side=5, deviation=0.05):
    """Grid: side x side Gaussians two apart about the origin, from -4 to 4 for 25 of them.

    count: Number of points; a tenth validates, a tenth tests.
    side: Gaussians in each direction.
    deviation: Standard deviation of each.
    """
    splitting.check_integer("side", side, 1)
    line = 2.0 * np.arange(side) - (side - 1)
    return _mixture(seed, count, np.stack(np.meshgrid(line, line), -1).reshape(-1, 2), deviation)


def swiss_roll(seed, count=12_500, noise=0.5):
    """Swiss roll: a spiral in the plane, one and a half turns; labels are quarters of its length.

    A tenth of scikit-learn's, seen from the side.

    count: Number of points; a tenth validates, a tenth tests.
    noise: Standard deviation before the scaling.
    """
    import sklearn.datasets

    splitting.check_integer("count", count, 10)
    splitting.check_number("noise", noise)
    points, turn = sklearn.datasets.make_swiss_roll(count, noise=noise, random_state=seed)
    part = (turn - 1.5 * np.pi) / (3 * np.pi)
    labels = np.minimum(4 * part, 3).astype("int32")
    return _points(points[:, [0, 2]] / 10, labels)


def _mixture(seed, count, centres, deviation):
    splitting.check_integer("count", count, 10)
    splitting.check_number("deviation", deviation)
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(centres), size=count, dtype="int32")
    return _points(centres[labels] + deviation * rng.standard_normal((count, 2)), labels)


def _points(points, labels):
    points = points.astype("float32")
    return Source("points", *splitting.in_sequence((points, labels)))
