"""Generate text: predict a token, append it, repeat."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.models.sequence import decoding
from kerasdl.utils import checks

MOST_TOKENS = 1_000_000  # at a millisecond each, a quarter of an hour


def generate(
    model: keras.Model,
    prompt: ArrayLike,
    count: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    cache: bool = True,
) -> np.ndarray:
    """Continue `prompt` by `count` tokens; the same seed generates the same text.

    The whole loop is one compiled function. The first call for a model compiles it, which took 5 to
    15 seconds for `gpt_tiny` and `gpt2` on two busy cores. Further prompts reuse it: lengths are
    rounded up to powers of two, and only another `top_k` compiles it again. Beyond a transformer's
    context each token is predicted from the last `context` tokens without a cache, which is slower.

    Args:
        model: keras.Model, a language model of this folder.
        prompt: integer array (time,) or (batch, time), at least one token.
        count: int, number of tokens to generate, at most 1,000,000.
        temperature: float, divides the logits. Below 1, probable tokens become more probable; 0
            always chooses the most probable one.
        top_k: int, sample only from this many most probable tokens; by default from all.
        top_p: float, sample only from the fewest tokens whose probabilities sum to this; by default
            from all.
        seed: int, seed of the random numbers.
        cache: bool, whether to keep keys and values (GPT) or the state (LSTM) from token to token.
            Without it the result is the same, but each token costs a pass over the whole text.

    Returns:
        Integer array, the prompt and its continuation: (time + count,) or (batch, time + count).
    """
    prompt = _checked_prompt(prompt, model.output_shape[-1])
    checks.integers(count=count, limit=MOST_TOKENS)
    checks.numbers(at_least=0, limit=1e6, temperature=temperature)
    checks.integers(top_k=top_k, optional=True)
    checks.numbers(above=0, at_most=1, top_p=top_p, optional=True)
    checks.integers(at_least=0, below=2**31, seed=seed)
    checks.flags(cache=cache)
    count, top_k, cache = int(count), top_k and int(top_k), bool(cache)
    texts = np.atleast_2d(prompt)
    length, end = texts.shape[1], texts.shape[1] + count
    padded = np.pad(texts, [(0, 0), (0, _bucket(length) - length)])
    written = _compiled(model)(
        *(tf.constant(value, "int32") for value in (padded, length, end, seed)),
        temperature=tf.constant(temperature, "float32") if temperature else None,
        top_p=tf.constant(top_p, "float32") if top_p else None,
        # these are part of the compiled function
        top_k=top_k and min(top_k, model.output_shape[-1]),
        size=_bucket(end),
        cache=cache,
    )
    return written.numpy()[:, :end].reshape(*prompt.shape[:-1], end)


def _checked_prompt(prompt, vocabulary_size) -> np.ndarray:
    prompt = np.asarray(prompt)
    if prompt.ndim not in (1, 2) or not prompt.size or prompt.dtype.kind not in "iu":
        received = f"shape {prompt.shape} of {prompt.dtype}"
        raise InvalidInput("prompt", "at least one token, as integers", received)
    if prompt.min() < 0 or prompt.max() >= vocabulary_size:
        expected = f"tokens from 0 to {vocabulary_size - 1}"
        raise InvalidInput("prompt", expected, f"tokens from {prompt.min()} to {prompt.max()}")
    return prompt.astype("int32")


def _bucket(length):
    """Return the smallest power of two, at least 16, that is not below `length`."""
    return max(16, 1 << (length - 1).bit_length())


def _compiled(model):
    if not hasattr(model, "_write"):
        write = tf.function(functools.partial(_write, model), autograph=False, jit_compile=True)
        object.__setattr__(model, "_write", write)  # not tracked by Keras
    return model._write


def _write(model, prompt, length, end, seed, temperature, top_p, top_k, size, cache):
    """Continue a prompt up to `end`; its first `length` tokens are text, the rest is padding."""
    tokens = tf.pad(prompt, [(0, 0), (0, size - prompt.shape[1])])  # (batch, size)
    horizon = min(size, model.horizon or size)

    def append(position, tokens, logits):
        """Write the token after `position`, unless the prompt has one there."""
        chosen = decoding.choose(logits, temperature, top_k, top_p, tf.stack([seed, position]))
        given = tokens[:, position + 1]
        token = tf.where(position + 1 < length, given, tf.cast(chosen, tokens.dtype))
        return ops.slice_update(tokens, (0, position + 1), token[:, None])

    def step(position, tokens, state):
        logits, state = model.step(tokens[:, position, None], state, position)
        return position + 1, append(position, tokens, logits[:, 0]), state

    def reread(position, tokens):
        start = tf.maximum(0, position + 1 - horizon)
        logits = model(ops.slice(tokens, (0, start), (tokens.shape[0], horizon)))
        return position + 1, append(position, tokens, logits[:, position - start])

    position = length - 1
    if cache:
        state, position = model.begin(prompt[:, :horizon], length, horizon)
        stop = tf.minimum(end - 1, horizon)
        position, tokens, _ = tf.while_loop(
            lambda position, *_: position < stop, step, [position, tokens, state]
        )
    if size > horizon or not cache:
        _, tokens = tf.while_loop(
            lambda position, _: position < end - 1, reread, [position, tokens]
        )
    return tokens
