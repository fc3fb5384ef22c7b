"""Crops of photographs; half of them show faces."""

import numpy as np

from kerasdl.data import splitting
from kerasdl.data.sets import packages
from kerasdl.data.splits import Source


def faces(seed, validation=0.1, test=0.3) -> Source:
    """Faces: 200 grayscale crops of 25x25 pixels of photographs, 100 faces and 100 others.

    A sample of Labeled Faces in the Wild (Huang, Mattar, Lee, Learned-Miller, 2012) that the
    package scikit-image (BSD license) contains: faces, and parts of the photographs without faces.
    Needs that package: pip install 'kerasdl[data]'.

    validation, test: float, fractions of the images, drawn with the seed, stratified by class.
    """
    package = packages.folder("skimage", "scikit-image", "faces")
    images = np.load(package / "data" / "lfw_subset.npy").astype("float32")[..., np.newaxis]
    labels = np.repeat(np.array([1, 0], "int32"), 100)  # the faces come first
    rows = splitting.rows_of_splits(labels, seed, validation, test)
    parts = [(images[part], labels[part]) if len(part) else None for part in rows]
    train, validation, test = parts
    return Source("classification", train, validation, test, classes=("other", "face"))
