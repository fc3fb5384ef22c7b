"""The four small tables that scikit-learn ships."""

from kerasdl.data import cutting
from kerasdl.data.splits import Source


def iris(seed, validation=0.1, test=0.2):
    """Iris: 150 flowers, 4 lengths and widths in centimetres, 3 species (Fisher, 1936).

    validation, test: Shares of the flowers, drawn by the seed, in the same shares for each class.
    """
    return _table("iris", seed, validation, test)


def wine(seed, validation=0.1, test=0.2):
    """Wine: 178 wines of one region, 13 chemical measurements, 3 cultivars (Aeberhard, 1991).

    validation, test: Shares of the wines, drawn by the seed, in the same shares for each class.
    """
    return _table("wine", seed, validation, test)


def breast_cancer(seed, validation=0.1, test=0.2):
    """Breast cancer: 569 tumours, 30 measures of their cells, malignant or benign (Wolberg, 1995).

    validation, test: Shares of the tumours, drawn by the seed, in the same shares for each class.
    """
    return _table("breast_cancer", seed, validation, test)


def diabetes(seed, validation=0.1, test=0.2):
    """Diabetes: 442 patients, 10 measurements, the disease's progress in a year (Efron, 2004).

    A regression; inputs and target are standardised on the training split.

    validation, test: Shares of the patients, drawn by the seed.
    """
    return _table("diabetes", seed, validation, test)


def _table(name, seed, validation, test):
    import sklearn.datasets

    data = getattr(sklearn.datasets, f"load_{name}")()
    classes = tuple(map(str, data.target_names)) if "target_names" in data else None
    return table(data.data, data.target, classes, seed, validation, test)


def table(inputs, targets, classes, seed, validation, test):
    """A source of rows: split by the seed, standardised on the training split.

    Args:
        inputs: Numbers, (rows, columns).
        targets: Classes by number, or numbers to predict.
        classes: Names of the classes; `None` makes it a regression.
        seed: Decides on the splits.
        validation: Share of the rows.
        test: Share of the rows.
    """
    rows = cutting.rows_of_splits(targets * (classes is not None), seed, validation, test)
    inputs, _ = standardise(inputs, rows[0])
    scale = None
    if classes:
        targets = targets.astype("int32")
    else:
        targets, (mean, deviation) = standardise(targets[:, None], rows[0])
        scale = (float(mean[0]), float(deviation[0]))
    parts = [(inputs[part], targets[part]) if len(part) else None for part in rows]
    task = "classification" if classes else "regression"
    return Source(task, *parts, classes=classes, target_scale=scale)


def standardise(columns, rows):
    """z = (x - mean) / deviation of the given rows; a constant column becomes 0."""
    mean, deviation = columns[rows].mean(axis=0), columns[rows].std(axis=0)
    deviation[deviation == 0] = 1
    return ((columns - mean) / deviation).astype("float32"), (mean, deviation)
