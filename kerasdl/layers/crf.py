"""A conditional random field: tags that depend on the tags beside them."""

import keras
from keras import layers, ops

from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

# the score of a change of the tag in padding. Tags of one step differ by less in any network that
# trains, so a path with such a change has no weight, and int8 files still resolve the other scores
CHANGE = -100.0


def first_largest(x: Tensor, axis: int) -> Tensor:
    """Return `ops.argmax` of x, int32, by operators that LiteRT has."""
    count = x.shape[axis]
    places = ops.reshape(ops.arange(count), [-1 if i == axis else 1 for i in range(len(x.shape))])
    largest = ops.equal(x, ops.max(x, axis=axis, keepdims=True))
    return ops.min(ops.where(largest, places, count), axis=axis)


@keras.saving.register_keras_serializable(package="kerasdl")
class CRF(layers.Layer):
    """Score sequences of tags by their logits, and by the transition from each tag to the next.

    A softmax chooses each tag for itself, and may choose tags that cannot follow each other, such
    as the inside of a name that has no beginning. A conditional random field (CRF) learns a score
    for each pair of tags in a row, and chooses the best sequence as a whole:

        score(y) = start[y_1] + sum_t x_t[y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T]
        p(y | x) = exp(score(y)) / Z        Z = sum over all paths of exp(score)

    The output holds these scores as potentials: at step t, that of tag j after tag i. It is all
    that the loss and the decoder need:

        model = keras.Model(tokens, CRF()(logits))
        model.compile("adam", kerasdl.losses.TaggingLoss())
        model.fit(tokens, tags)                           # -1 for a tag that is padding
        tags = CRF.decode(model.predict(tokens))

    Padding, which a mask names, comes after a sequence. There the potentials are 0 for the same tag
    and -100 for any other, so every path keeps its tag up to the end.

    Input shape: (batch, time, tags) of logits
    Output shape: (batch, time, tags, tags)

    Example:
        >>> potentials = CRF()(keras.ops.array([[[0.0, 2.0], [1.0, 0.0], [0.0, 3.0]]]))
        >>> potentials.shape
        TensorShape([1, 3, 2, 2])
        >>> keras.ops.convert_to_numpy(CRF.decode(potentials))
        array([[1, 0, 1]], dtype=int32)

    Reference: Lafferty, McCallum, Pereira (2001), Conditional Random Fields: Probabilistic Models
    for Segmenting and Labeling Sequence Data. Huang, Xu, Yu (2015), Bidirectional LSTM-CRF Models
    for Sequence Tagging.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, time, tags", unknown=("batch", "time"))
        tags = input_shape[-1]
        self.start = self.add_weight((tags,), "zeros", name="start")
        self.transitions = self.add_weight((tags, tags), "zeros", name="transitions")
        self.end = self.add_weight((tags,), "zeros", name="end")

    def call(self, inputs, mask=None):
        time = ops.cumsum(ops.ones_like(inputs[0, :, 0], dtype="int32"))  # 1, 2, ..., steps
        time = ops.reshape(time, (-1, 1, 1))
        before = ops.where(ops.equal(time, 1), self.start, self.transitions)  # (steps, tags, tags)
        potentials = before + ops.expand_dims(inputs, 2)  # (batch, steps, tags, tags)
        if mask is not None:
            same = ops.eye(inputs.shape[-1], dtype=potentials.dtype)
            mask = ops.expand_dims(ops.cast(mask, "bool"), (2, 3))
            potentials = ops.where(mask, potentials, CHANGE * (1 - same))
        after = ops.where(ops.equal(time, ops.max(time)), self.end, ops.zeros_like(self.end))
        return potentials + after

    def compute_mask(self, inputs, previous_mask):
        return None  # the potentials hold it

    def compute_output_shape(self, input_shape):
        return (*input_shape, input_shape[-1])

    @staticmethod
    def decode(potentials: Tensor) -> Tensor:
        """Return the path with the highest score (Viterbi), integers (batch, time).

        In padding the last tag is repeated.

        Args:
            potentials: (batch, time, tags, tags), the output of this layer.

        Reference: Viterbi (1967), Error Bounds for Convolutional Codes and an Asymptotically
        Optimum Decoding Algorithm.
        """
        potentials = ops.convert_to_tensor(potentials)
        by_step = ops.transpose(potentials, (1, 0, 2, 3))

        def forward(state, potential):
            """Find the best tag before each tag, and the score of the best path to it."""
            scores = ops.expand_dims(state[0], 2) + potential  # (batch, tag before, tag)
            state = ops.max(scores, axis=1), first_largest(scores, axis=1)
            return state, state

        def backward(tag, before):
            # not by `take_along_axis`, which LiteRT cannot run
            is_tag = ops.equal(ops.arange(before.shape[1]), tag)
            tag = ops.sum(ops.where(is_tag, before, 0), axis=1, keepdims=True)
            return tag, tag

        zeros = ops.zeros_like(by_step[0, :, 0])  # (batch, tags)
        start = zeros, ops.cast(zeros, "int32")
        (scores, _), (_, before) = ops.scan(forward, start, by_step)
        last = ops.expand_dims(first_largest(scores, axis=1), 1)  # (batch, 1)
        # the tag before each step; before the first one is none, and any is found
        _, tags = ops.scan(backward, last, before, reverse=True)  # (steps, batch, 1)
        tags = ops.concatenate([tags[1:], ops.expand_dims(last, 0)], axis=0)
        return ops.transpose(tags[..., 0])
