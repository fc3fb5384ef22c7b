"""The four small tables that scikit-learn ships."""

from kerasdl.data import columns, splitting
from kerasdl.data.columns import Column
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
    values = dict(zip(map(str, data.feature_names), data.data.T, strict=True))
    return table(values, data.target, classes, seed, validation, test)


def table(values, targets, classes, seed, validation, test):
    """A source of rows: split by the seed, standardised on the training split.

    Args:
        values: Numbers or words by the name of their column, (rows,) each.
        targets: Classes by number, or numbers to predict.
        classes: Names of the classes; `None` makes it a regression.
        seed: Decides on the splits.
        validation: Share of the rows.
        test: Share of the rows.
    """
    rows = splitting.rows_of_splits(targets * (classes is not None), seed, validation, test)
    fitted = tuple(Column.fit(name, column, rows[0]) for name, column in values.items())
    inputs = columns.inputs(fitted, values)
    scale = None
    if classes:
        targets = targets.astype("int32")
    else:
        target = Column.fit("target", targets, rows[0])
        targets, scale = target.standardised(targets), (*target.mean, *target.deviation)
    parts = [(inputs[part], targets[part]) if len(part) else None for part in rows]
    task = "classification" if classes else "regression"
    return Source(task, *parts, classes=classes, target_scale=scale, columns=fitted)
