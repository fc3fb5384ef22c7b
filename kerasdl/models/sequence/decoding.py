"""From logits to a token: temperature, top-k, top-p, and a draw that a seed repeats."""

import math

import tensorflow as tf
from keras import ops


def keep_top_k(logits, k):
    """Keep the k largest logits; the others become -inf."""
    threshold = ops.top_k(logits, k)[0][..., -1:]
    return ops.where(logits < threshold, -math.inf, logits)


def keep_top_p(logits, p):
    """Keep the fewest largest logits whose probabilities sum to at least p; the others become -inf.

    A fixed k keeps nonsense where one token is certain and cuts sense where many are possible;
    the nucleus grows and shrinks with the model's doubt.

    Reference: Holtzman et al. (2020), The Curious Case of Neural Text Degeneration.
    """
    ordered = -ops.sort(-logits)
    probabilities = ops.softmax(ordered)
    before = ops.cumsum(probabilities, axis=-1) - probabilities  # of all that are likelier
    threshold = ops.min(ops.where(before < p, ordered, math.inf), axis=-1, keepdims=True)
    return ops.where(logits < threshold, -math.inf, logits)


def choose(logits, temperature, top_k, top_p, seed):
    """Tokens (batch,) drawn from softmax(logits / temperature); the likeliest if that is `None`.

    The draw is Gumbel's: argmax(logits + g) with g = -log(-log(u)) follows softmax(logits). The
    noise is a function of `seed`, two integers, and of nothing else.
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
