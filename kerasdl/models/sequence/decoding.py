"""Choose a token from logits: penalty, temperature, top-k, top-p and reproducible sampling."""

import math

import tensorflow as tf
from keras import ops


def keep_top_k(logits, k: int):
    """Keep the k largest logits; the others become -inf."""
    threshold = ops.top_k(logits, k)[0][..., -1:]
    return ops.where(logits < threshold, -math.inf, logits)


def keep_top_p(logits, p: float):
    """Keep the fewest largest logits whose probabilities sum to at least p; the others become -inf.

    A fixed k keeps improbable tokens when one token is certain, and drops probable ones when many
    are possible. This set of tokens, the nucleus, grows with the model's uncertainty.

    Reference: Holtzman et al. (2020), The Curious Case of Neural Text Degeneration.
    """
    ordered = -ops.sort(-logits)
    probabilities = ops.softmax(ordered)
    before = ops.cumsum(probabilities, axis=-1) - probabilities  # of all more probable tokens
    threshold = ops.min(ops.where(before < p, ordered, math.inf), axis=-1, keepdims=True)
    return ops.where(logits < threshold, -math.inf, logits)


def choose(logits, temperature, top_k, top_p, seed):
    """Sample tokens (batch,) from softmax(logits / temperature).

    If `temperature` is None, the most probable tokens are chosen. Sampling uses Gumbel noise:
    argmax(logits + g) with g = -log(-log(u)) follows softmax(logits). The noise depends only on
    `seed`, two integers.
    """
    if temperature is None:
        return ops.argmax(logits, axis=-1)
    logits = ops.cast(logits, "float32") / temperature
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None:
        logits = keep_top_p(logits, top_p)
    uniform = tf.random.stateless_uniform(tf.shape(logits), seed, minval=1e-20, alg="philox")
    return ops.argmax(logits - ops.log(-ops.log(uniform)), axis=-1)


def penalize(logits, tokens, length, penalty):
    """Make the first `length` tokens of each text less probable.

    Their logits (batch, vocabulary) are divided by `penalty` if positive, else multiplied by it.

    Reference: Keskar et al. (2019), CTRL: A Conditional Transformer Language Model.
    """
    # the rest of `tokens` (batch, size) is replaced by the first token, which is penalized anyway
    seen = ops.where(ops.arange(tokens.shape[1]) < length, tokens, tokens[:, :1])
    seen = ops.cast(seen, "int32")
    found = tf.gather(logits, seen, batch_dims=1)
    found = ops.where(found > 0, found / penalty, found * penalty)
    rows = tf.broadcast_to(tf.range(tokens.shape[0])[:, None], tf.shape(seen))
    return tf.tensor_scatter_nd_update(logits, tf.stack([rows, seen], axis=-1), found)
