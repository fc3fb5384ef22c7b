"""Small tables from scikit-learn."""

import numpy as np

from kerasdl import errors
from kerasdl.data import columns, splitting
from kerasdl.data.columns import Column
from kerasdl.data.splits import Source


def iris(seed, validation=0.1, test=0.2) -> Source:
    """Iris: 150 flowers, 4 lengths and widths in centimeters, 3 species (Fisher, 1936).

    From scikit-learn (BSD license). Inputs are standardized with the training split's statistics.

    validation, test: float, fractions of the flowers, drawn with the seed, stratified by class.
    """
    return _table("iris", seed, validation, test)


def wine(seed, validation=0.1, test=0.2) -> Source:
    """Wine: 178 wines of one region, 13 chemical measurements, 3 cultivars (Aeberhard, 1991).

    From scikit-learn (BSD license). Inputs are standardized with the training split's statistics.

    validation, test: float, fractions of the wines, drawn with the seed, stratified by class.
    """
    return _table("wine", seed, validation, test)


def breast_cancer(seed, validation=0.1, test=0.2) -> Source:
    """Breast cancer: 569 tumors, 30 measurements of their cells, malignant or benign.

    From scikit-learn (BSD license; Wolberg, 1995). Inputs are standardized with the training
    split's statistics.

    validation, test: float, fractions of the tumors, drawn with the seed, stratified by class.
    """
    return _table("breast_cancer", seed, validation, test)


def diabetes(seed, validation=0.1, test=0.2) -> Source:
    """Diabetes: 442 patients, 10 measurements, progression of the disease after a year.

    From scikit-learn (BSD license; Efron, 2004). A regression; inputs and target are standardized
    with the training split's statistics.

    validation, test: float, fractions of the patients, drawn with the seed.
    """
    return _table("diabetes", seed, validation, test)


def _table(name, seed, validation, test):
    import sklearn.datasets

    data = getattr(sklearn.datasets, f"load_{name}")()
    classes = tuple(map(str, data.target_names)) if "target_names" in data else None
    values = dict(zip(map(str, data.feature_names), data.data.T, strict=True))
    return table(values, data.target, classes, seed, validation, test)


def table(
    values: dict[str, np.ndarray],
    targets: np.ndarray,
    classes: tuple | None,
    seed: int,
    validation: float,
    test: float,
    dates: dict[str, str] | None = None,
) -> Source:
    """Split the rows of a table, and standardize them with the training split's statistics.

    Args:
        values: dict, column name -> numbers or words, shape (rows,); NaN or "" for a blank.
        targets: Class numbers, or numbers to predict, (rows,) or (rows, targets); or zeros and ones
            for each tag, (rows, tags).
        classes: tuple of str, names of the classes or tags; None makes it a regression.
        seed: int, determines the splits.
        validation: float, fraction of the rows for validation.
        test: float, fraction of the rows for testing.
        dates: dict, the formats of columns of dates, whose values are days since 1970.
    """
    tags = classes is not None and targets.ndim == 2
    labels = targets if classes and not tags else np.zeros(len(targets))
    rows = splitting.rows_of_splits(labels, seed, validation, test)
    dates = dates or {}
    fitted = tuple(Column.fit(n, column, rows[0], dates.get(n)) for n, column in values.items())
    if not any(column.width for column in fitted):
        raise errors.InvalidInput("columns of the table", "one that can be used", fitted[0].note)
    inputs = columns.inputs(fitted, values)
    scale = None
    if classes:
        targets = targets.astype("float32" if tags else "int32")
    else:
        each = targets.reshape(len(targets), -1).T
        found = [Column.fit("target", numbers, rows[0]) for numbers in each]
        scale = tuple(c.mean[0] for c in found), tuple(c.deviation[0] for c in found)
        scale = scale if targets.ndim == 2 else (scale[0][0], scale[1][0])
        standardized = [c.standardized(part) for c, part in zip(found, each, strict=True)]
        targets = np.concatenate(standardized, axis=1)
    parts = [(inputs[part], targets[part]) if len(part) else None for part in rows]
    task = "tags" if tags else "classification" if classes else "regression"
    train, validated, tested = parts
    return Source(
        task, train, validated, tested, classes=classes, target_scale=scale, columns=fitted
    )
