"""Small datasets and networks whose right answers are known, for the tests of tasks."""

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kerasdl.data.splits import Info, Splits


def splits(x, y, kind, batch=3, **facts):
    """Splits of the same examples, in batches of 3."""
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch)
    shape = tf.nest.map_structure(lambda array: array.shape[1:], x)
    counts = dict.fromkeys(("train", "validation", "test"), len(tf.nest.flatten(y)[0]))
    info = Info("made", kind, facts.pop("classes", None), shape, counts, "card", **facts)
    return Splits(dataset, dataset, dataset, info, tf.Variable(0))


def drawn(figures):
    """The names of figures, after each was drawn."""
    for draw in figures.values():
        figure = draw()
        assert figure.axes
        plt.close(figure)
    return set(figures)


class Answers:
    """A network that answers with fixed outputs, in order."""

    def __init__(self, outputs):
        self.outputs, self.seen = outputs, 0

    def predict_on_batch(self, x):
        self.seen += len(x)
        return np.asarray(self.outputs[self.seen - len(x) : self.seen])

    def __call__(self, x, training):
        return tf.numpy_function(self.predict_on_batch, [x], "float32")
