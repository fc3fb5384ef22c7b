"""BLEU, the overlap of a translation's n-grams with those of references."""

import keras
from keras import ops

from kerasdl.metrics.base import refuse_weights, within
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class BLEU(keras.metrics.Metric):
    """Corpus BLEU: geometric mean of n-gram precisions, times a brevity penalty.

        BLEU = min(1, e^(1 - r / c)) exp( mean_n log p_n )

    p_n is the fraction of the predicted n-grams that a reference contains; an n-gram counts at most
    as often as in the reference that has it most often. c is the length of all predictions, r that
    of the references nearest in length (the shorter of two equally near ones). Counts are summed
    over all sentences before they are divided, so BLEU is not a mean over sentences.

    A token that is not an integer is an error if `update_state` is called directly; in `fit` and
    `evaluate` it makes the result NaN.

    Args:
        order: int, the length N of the longest n-grams, at most 100.
        padding: int, the token that fills sentences at their end. N-grams with it do not count.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = BLEU(order=2)
        >>> metric.update_state([[5, 6, 7, 8]], [[5, 6, 7, 9]])
        >>> round(float(metric.result()), 4)  # sqrt(3/4 2/3)
        0.7071

    Reference: Papineni, Roukos, Ward, Zhu (2002), BLEU: a Method for Automatic Evaluation of
    Machine Translation.
    """

    def __init__(
        self,
        order: int = 4,
        padding: int = 0,
        name: str = "bleu",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.integers(order=order, limit=100)
        checks.integers(at_least=-1, padding=padding, limit=checks.LARGEST)
        checks.model_options(name=name, dtype=dtype)
        super().__init__(dtype, name)
        self.order, self.padding = int(order), int(padding)
        shapes = {"matches": (order,), "phrases": (order,), "length": (), "reference_length": ()}
        for key, shape in shapes.items():
            setattr(self, key, self.add_variable(shape, "zeros", "float64", name=key))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: integers (batch, tokens), or (batch, references, tokens) for several references.
            y_pred: integers (batch, tokens), the predicted tokens.
            sample_weight: must be `None`.
        """
        refuse_weights(self, sample_weight)
        (references, zero), (predicted, other) = self._integers(y_true), self._integers(y_pred)
        references = references[:, None] if len(references.shape) == 2 else references
        checks.shaped(self, predicted.shape, (None, None))
        expected = (predicted.shape[0], None, None)
        checks.shaped(self, references.shape, expected, "references, the input")
        found = [self._count(references, predicted, n) for n in range(1, self.order + 1)]
        matches, phrases = zip(*found, strict=True)
        self.matches.assign_add(ops.cast(ops.stack(matches), "float64"))
        self.phrases.assign_add(ops.cast(ops.stack(phrases), "float64"))
        lengths = ops.sum(ops.cast(references != self.padding, "float32"), axis=-1)  # (batch, r)
        length = ops.sum(ops.cast(predicted != self.padding, "float32"), axis=-1)  # (batch,)
        # the small term prefers the shorter of two equally near references
        difference = ops.abs(lengths - length[:, None]) + 1e-3 * lengths
        nearest = ops.argmin(difference, axis=-1)[:, None]
        self.length.assign_add(ops.cast(ops.sum(length), "float64") + zero + other)
        reference_length = ops.sum(ops.take_along_axis(lengths, nearest, axis=-1))
        self.reference_length.assign_add(ops.cast(reference_length, "float64"))

    def _integers(self, tokens):
        """Return tokens as int32, and 0, or NaN if one of them is not an integer."""
        tokens, zero = ops.convert_to_tensor(tokens), 0.0
        if "int" not in keras.backend.standardize_dtype(tokens.dtype):
            checked = within(self, tokens, checks.LARGEST, "tokens", whole=True, lowest=-1)
            zero = 0 * ops.sum(checked)
        return ops.cast(tokens, "int32"), zero

    def _count(self, references, predicted, n):
        """Return the number of predicted n-grams that a reference contains, and of all."""
        if predicted.shape[-1] < n:
            return ops.zeros(()), ops.zeros(())
        (theirs, real), (ours, valid) = self._ngrams(references, n), self._ngrams(predicted, n)
        own = ops.all(ours[:, :, None] == ours[:, None], axis=-1)  # (batch, ngrams, ngrams)
        own = ops.sum(ops.cast(own & valid[:, None], "float32"), axis=-1)
        other = ops.all(ours[:, None, :, None] == theirs[:, :, None], axis=-1)
        other = ops.sum(ops.cast(other & real[:, :, None], "float32"), axis=-1)  # (batch, r, n)
        # an n-gram occurs `own` times in the prediction, so each of them counts min / own
        clipped = ops.minimum(own, ops.max(other, axis=1)) / ops.maximum(own, 1.0)
        valid = ops.cast(valid, "float32")
        return ops.sum(valid * clipped), ops.sum(valid)

    def _ngrams(self, tokens, n):
        """Return n-grams (..., places, n), and whether each has no padding."""
        places = max(tokens.shape[-1] - n + 1, 0)
        found = ops.stack([tokens[..., i : i + places] for i in range(n)], axis=-1)
        return found, ops.all(found != self.padding, axis=-1)

    def result(self):
        """Return BLEU in [0, 1]."""
        precisions = self.matches / ops.maximum(self.phrases, 1.0)
        brevity = ops.minimum(1.0, ops.exp(1 - self.reference_length / ops.maximum(self.length, 1)))
        mean = ops.exp(ops.mean(ops.log(ops.maximum(precisions, 1e-300))))
        return ops.cast(brevity * mean * ops.cast(ops.all(precisions > 0), "float64"), self.dtype)

    def get_config(self):
        return {**super().get_config(), "order": self.order, "padding": self.padding}
