"""How many of a translation's words and phrases a human's has too."""

import keras
from keras import ops

from kerasdl import checks
from kerasdl.metrics import weights


@keras.saving.register_keras_serializable(package="kerasdl")
class BLEU(keras.metrics.Metric):
    """The shares of phrases of 1 to N tokens that a reference has, and a penalty for brevity.

        BLEU = min(1, e^(1 - r / c)) exp( mean_n log p_n )

    p_n counts a phrase at most as often as the reference that has it most often; r is the length
    of the reference nearest in length. Counted over everything, then divided: it is no mean over
    sentences.

    Args:
        order: N.
        padding: The token that fills up sentences at their end.

    Example:
        >>> metric = BLEU(order=2)
        >>> metric.update_state([[5, 6, 7, 8]], [[5, 6, 7, 9]])
        >>> round(float(metric.result()), 4)  # sqrt(3/4 2/3)
        0.7071

    Reference: Papineni, Roukos, Ward, Zhu (2002), BLEU: a Method for Automatic Evaluation of
    Machine Translation.
    """

    def __init__(self, order=4, padding=0, name="bleu", dtype=None):
        super().__init__(dtype, name)
        checks.arguments(order=order)
        self.order, self.padding = order, padding
        shapes = {"matches": (order,), "phrases": (order,), "length": (), "reference_length": ()}
        for key, shape in shapes.items():
            setattr(self, key, self.add_variable(shape, "zeros", "float64", name=key))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """`y_true` (batch, tokens), or (batch, references, tokens); `y_pred` (batch, tokens)."""
        weights.refuse(self, sample_weight)
        references, said = (ops.cast(tokens, "int32") for tokens in (y_true, y_pred))
        references = references[:, None] if len(references.shape) == 2 else references
        checks.shaped(self, said.shape, (None, None))
        checks.shaped(self, references.shape, (said.shape[0], None, None), "references, the input")
        found = [self._phrases(references, said, n) for n in range(1, self.order + 1)]
        matches, phrases = zip(*found, strict=True)
        self.matches.assign_add(ops.cast(ops.stack(matches), "float64"))
        self.phrases.assign_add(ops.cast(ops.stack(phrases), "float64"))
        lengths = ops.sum(ops.cast(references != self.padding, "float32"), axis=-1)  # (batch, r)
        length = ops.sum(ops.cast(said != self.padding, "float32"), axis=-1)  # (batch,)
        # the nearest; of two the shorter
        far = ops.abs(lengths - length[:, None]) + 1e-3 * lengths
        nearest = ops.take_along_axis(lengths, ops.argmin(far, axis=-1)[:, None], axis=-1)
        self.length.assign_add(ops.cast(ops.sum(length), "float64"))
        self.reference_length.assign_add(ops.cast(ops.sum(nearest), "float64"))

    def _phrases(self, references, said, n):
        """How many phrases of n tokens were said, and how many of them a reference has."""
        if said.shape[-1] < n:
            return ops.zeros(()), ops.zeros(())
        (theirs, real), (ours, valid) = self._windows(references, n), self._windows(said, n)
        own = ops.all(ours[:, :, None] == ours[:, None], axis=-1)  # (batch, phrases, phrases)
        own = ops.sum(ops.cast(own & valid[:, None], "float32"), axis=-1)
        other = ops.all(ours[:, None, :, None] == theirs[:, :, None], axis=-1)
        other = ops.sum(ops.cast(other & real[:, :, None], "float32"), axis=-1)  # (batch, r, p)
        clipped = ops.minimum(own, ops.max(other, axis=1)) / ops.maximum(own, 1.0)
        places = ops.cast(valid, "float32")
        return ops.sum(places * clipped), ops.sum(places)

    def _windows(self, tokens, n):
        """Phrases (..., places, n), and whether each lies within its sentence."""
        places = max(tokens.shape[-1] - n + 1, 0)
        found = ops.stack([tokens[..., i : i + places] for i in range(n)], axis=-1)
        return found, ops.all(found != self.padding, axis=-1)

    def result(self):
        shares = self.matches / ops.maximum(self.phrases, 1.0)
        brevity = ops.minimum(1.0, ops.exp(1 - self.reference_length / ops.maximum(self.length, 1)))
        likeness = ops.exp(ops.mean(ops.log(ops.maximum(shares, 1e-300))))
        return ops.cast(brevity * likeness * ops.cast(ops.all(shares > 0), "float64"), self.dtype)

    def get_config(self):
        return {**super().get_config(), "order": self.order, "padding": self.padding}
