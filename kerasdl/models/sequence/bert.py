"""BERT: a stack of transformer blocks that read a text in both directions."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from kerasdl import optimizers
from kerasdl.errors import InvalidInput
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.losses.tagging import TaggingLoss
from kerasdl.models.network import Network, cross_entropy
from kerasdl.utils import checks

VARIANTS = {
    "BERT": {
        "bert": {},
        "bert_large": {"width": 1024, "depth": 24, "heads": 16},
        "bert_tiny": {
            "vocabulary_size": 100,
            "context": 64,
            "width": 64,
            "depth": 2,
            "heads": 4,
            "dropout": 0.0,
            "separator": 3,
        },
        "bert_classifier_tiny": {
            "vocabulary_size": 100,
            "num_classes": 2,
            "context": 64,
            "width": 64,
            "depth": 2,
            "heads": 4,
            "dropout": 0.0,
            "separator": 3,
            "plain": True,
        },
    }
}
EPSILON = 1e-12  # of all normalizations


@keras.saving.register_keras_serializable(package="kerasdl")
class BERTWordBias(layers.Layer):
    """Add a learned number to the logit of each word of the vocabulary.

    Input and output shape: (batch, time, vocabulary_size)
    """

    def build(self, input_shape):
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")

    def call(self, inputs):
        return inputs + self.bias

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="kerasdl")
class BERT(Network):
    """A transformer encoder: the vector of each token depends on the tokens on both sides of it.

        x = norm(E[token] + P[0, 1, 2, ...] + S[segment])        blocks        p = tanh(W x_0 + b)

    A text begins with the token [CLS], whose last vector stands for all of it, and each of its one
    or two sentences ends with the separator [SEP]: what follows the first separator is segment 1.
    Token 0 is padding, which no other token sees. The normalization comes after each part of a
    block.

    Pretraining needs no labels. Some words are masked, and their logits are compared with the
    words that were there; of two sentences, the network learns whether one follows the other:

        words:  E norm(gelu(W x_t + b)) + c        next:  W p + b

    The published networks were pretrained on 3.3 billion words: 2.5 of Wikipedia, 0.8 of books.

    With V tokens, a context of T, width d and L blocks, the encoder with its pooling layer has
    (V + T + 4) d + L (12 d^2 + 13 d) + d^2 + d parameters: 109,482,240 for `bert`. The heads of
    pretraining add d^2 + 5 d + V + 2.

    Args:
        vocabulary_size: int, number of different tokens.
        num_classes: int, number of logits computed from p to classify a text; `None` gives the
            backbone.
        context: int, largest number of tokens in a text.
        width: int, size of the vector of a token.
        depth: int, number of blocks.
        heads: int, attention heads of a block, a divisor of `width`.
        dropout: float, fraction of embeddings, attention weights and block outputs that training
            drops, in [0, 1).
        separator: int, the token [SEP]. [CLS] is the token before it, and [MASK] that after it.
        pretraining: bool, whether the outputs are those of pretraining; needs `num_classes=None`.
        plain: bool, whether texts come without [CLS] and [SEP], and their tokens are padding (0),
            an unknown word (1) and the words from 2 on, as in the data of text classification. The
            network then adds [CLS] and [SEP], and has V = vocabulary_size + separator, T = context
            + 2.

    Input shape: (batch, time) of tokens
    Output shape: (batch, num_classes) of logits. Of the backbone, a dictionary of the vectors
        "tokens" (batch, time, width) and "pooled" (batch, width). In pretraining, a dictionary of
        the logits "words" (batch, time, vocabulary_size) and "next" (batch, 2), whose class 1
        means that the second sentence follows the first.

    Example:
        >>> import kerasdl
        >>> bert = kerasdl.create_model("bert_tiny", num_classes=3)
        >>> bert(keras.ops.ones((2, 5), "int32")).shape
        TensorShape([2, 3])

    Reference: Devlin et al. (2019), BERT: Pre-training of Deep Bidirectional Transformers for
    Language Understanding.
    """

    def __init__(
        self,
        vocabulary_size: int = 30522,
        num_classes: int | None = None,
        context: int = 512,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
        separator: int = 102,
        pretraining: bool = False,
        plain: bool = False,
        **kwargs,
    ):
        checks.integers(
            vocabulary_size=vocabulary_size, context=context, width=width, depth=depth, heads=heads
        )
        checks.integers(optional=True, num_classes=num_classes)
        checks.check("heads", heads, width % heads == 0, f"a divisor of the width {width}")
        checks.fractions(dropout=dropout)
        checks.flags(pretraining=pretraining, plain=plain)
        checks.integers(at_least=2, separator=separator)
        known = plain or separator < vocabulary_size
        checks.check("separator", separator, known, f"a token of the {vocabulary_size}")
        fits = not (pretraining and num_classes)
        checks.check("num_classes", num_classes, fits, "None for pretraining")
        checks.check("plain", plain, not (plain and pretraining), "False for pretraining")
        if plain:
            vocabulary_size, context = vocabulary_size + separator, context + 2
        embed = layers.ReversibleEmbedding(vocabulary_size, width, name="token")
        locate = layers.Embedding(context, width, name="position")
        segment = layers.Embedding(2, width, name="segment")

        inputs = keras.Input((None,), dtype="int32", name="tokens")
        tokens = _marked(inputs, separator) if plain else inputs
        ends = ops.cast(ops.equal(tokens, separator), "int32")
        segments = ops.minimum(ops.cumsum(ends, axis=1) - ends, 1)  # 0, 0, ..., 1, 1, ...
        positions = ops.cumsum(ops.ones_like(tokens[0])) - 1  # 0, 1, 2, ...
        x = embed(tokens) + locate(positions) + segment(segments)
        x = layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
        x = layers.Dropout(dropout, name="drop")(x)
        real = ops.expand_dims(ops.not_equal(tokens, 0), 1)  # (batch, 1, time)
        for i in range(depth):
            block = TransformerBlock(
                heads, norm="post", dropout=dropout, epsilon=EPSILON, name=f"block{i + 1}"
            )
            x = block(x, attention_mask=real)
        pooled = layers.Dense(width, activation="tanh", name="pooled")(x[:, 0])

        outputs = {"tokens": x, "pooled": pooled}
        if pretraining:
            h = layers.Dense(width, activation="gelu", name="word_features")(x)
            h = layers.LayerNormalization(epsilon=EPSILON, name="word_norm")(h)
            outputs = {
                "words": BERTWordBias(name="words")(embed(h, reverse=True)),
                "next": layers.Dense(2, name="next")(pooled),
            }
        elif num_classes is not None:
            pooled = layers.Dropout(dropout, name="pooled_drop")(pooled)
            outputs = layers.Dense(num_classes, name="logits")(pooled)
        super().__init__(inputs, outputs, **kwargs)

    def training_defaults(self) -> dict:
        """Train on classes, or on both tasks of pretraining; the target of other words is -1."""
        optimizer = optimizers.AdamW(1e-3)
        classes = cross_entropy()
        if self._arguments["pretraining"]:
            return {
                "optimizer": optimizer,
                "loss": {"words": TaggingLoss(), "next": classes["loss"]},
                "metrics": {"next": classes["metrics"]},
            }
        if self._arguments["num_classes"] is None:
            expected = "a network with classes or pretraining=True, or an optimizer and a loss"
            raise InvalidInput("`compile()` of a backbone", expected, "num_classes=None")
        return {"optimizer": optimizer, **classes}

    def encoder_from(self, source: keras.Model, theirs: Sequence[str], own: Sequence[str]):
        """Take the weights of another BERT's layers, with the vectors of the words that it knows.

        The heads that it lacks, the vectors of new words and of later positions stay as they are.

        Args:
            source: BERT of the same width, depth and heads.
            theirs: The text of each of its tokens.
            own: The text of each token of this network.
        """
        before = self._arguments["separator"] + 2  # the first word
        own = (*theirs[:before], *own[2:]) if self._arguments["plain"] else own
        places = {word: place for place, word in enumerate(theirs)}
        for layer in self.layers:
            if not layer.weights or layer.name not in {other.name for other in source.layers}:
                continue
            old, new = source.get_layer(layer.name).get_weights(), layer.get_weights()
            # tables may have other rows
            axis = 1 if layer.name in ("token", "position", "words") else 0
            if [part.shape[axis:] for part in old] != [part.shape[axis:] for part in new]:
                expected = f"a BERT with a layer `{layer.name}` like that of {self.name}"
                raise InvalidInput("network to start from", expected, source.name)
            if layer.name == "position":
                count = min(len(new[0]), len(old[0]))
                new[0][:count] = old[0][:count]
            elif axis:
                known = [number for number, word in enumerate(own) if word in places]
                new[0][known] = old[0][[places[own[number]] for number in known]]
            layer.set_weights(new if axis else old)

    @property
    def context(self) -> int:
        return self._arguments["context"]

    @property
    def blocks(self) -> list[keras.Layer]:
        return [self.get_layer(f"block{i + 1}") for i in range(self._arguments["depth"])]

    def call(self, inputs, training=None, mask=None):
        if inputs.shape[1] is not None and inputs.shape[1] > self.context:
            raise InvalidInput("text", f"at most {self.context} tokens", inputs.shape[1])
        return super().call(inputs, training=training, mask=mask)


def _marked(tokens, separator):
    """Return [CLS], the words and [SEP] for the words of a text without special tokens."""
    start = ops.ones_like(tokens[:, :1]) * (separator - 1)
    words = ops.where(tokens > 1, tokens + separator, tokens)
    marked = ops.concatenate([start, words, ops.zeros_like(start)], axis=1)
    before = ops.concatenate([start, marked[:, :-1]], axis=1)
    ends = ops.logical_and(ops.equal(marked, 0), ops.not_equal(before, 0))
    return ops.where(ends, separator, marked)
