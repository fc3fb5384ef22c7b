"""Measure the test accuracies of three simple classifiers, which a network should beat.

`python -m kerasdl.data.baselines` trains them on every embedded dataset for classification, or on
those named, and writes `baselines.json`; `kerasdl.data.card` shows the numbers.
"""

import sys

import numpy as np
from sklearn import linear_model, neighbors, svm

from kerasdl.data import catalog
from kerasdl.utils import files

DATA = ("breast_cancer", "digits", "faces", "iris", "mnist", "mnist1d", "moons", "wine")


def measure(name: str) -> dict[str, float]:
    """Train the classifiers on the training and validation splits, of seed 0, and test them."""
    source = catalog.find(name)(0)
    seen = [part.arrays for part in (source.train, source.validation) if part]
    inputs, labels = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    train, test = (part.reshape(len(part), -1) for part in (inputs, source.test.inputs))
    classifiers = {
        "3 nearest neighbors": neighbors.KNeighborsClassifier(3),
        "SVM (RBF kernel, C=10)": svm.SVC(C=10),
        "logistic regression": linear_model.LogisticRegression(max_iter=2000),
    }
    return {
        title: round(float(classifier.fit(train, labels).score(test, source.test.targets)), 4)
        for title, classifier in classifiers.items()
    }


def main(names: list[str]):
    """Measure the named datasets, or all, and keep the numbers."""
    measured = catalog.baselines() | {name: measure(name) for name in names or DATA}
    files.write_json(catalog.BASELINES, dict(sorted(measured.items())))


if __name__ == "__main__":
    main(sys.argv[1:])
