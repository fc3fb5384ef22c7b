"""Language models: masked training and text generation."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


def mask_tokens(
    tokens: np.ndarray, uniform: np.ndarray, mask_token: int, random_tokens: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """BERT's masking: the corrupted input and the positions to predict.

        of 15 % chosen tokens: 80 % become [MASK], 10 % a random token, 10 % stay

    Tokens that stay must be predicted too, so the model has to understand every position and not
    only those that say [MASK].

    Args:
        tokens: int array.
        uniform: array like tokens, numbers from [0, 1).
        mask_token: int, index of [MASK].
        random_tokens: int array like tokens, or int, replacements.

    >>> mask_tokens(np.array([7, 7, 7, 7]), np.array([0.1, 0.125, 0.14, 0.5]), 0, 3)
    (array([0, 3, 7, 7]), array([ True,  True,  True, False]))

    Reference: Devlin et al., 2019.
    """
    inputs = np.where(uniform < 0.12, mask_token, tokens)
    inputs = np.where((uniform >= 0.12) & (uniform < 0.135), random_tokens, inputs)
    return inputs, uniform < 0.15


def masked_cross_entropy(tokens: np.ndarray, p: np.ndarray, chosen: np.ndarray) -> np.floating:
    """Cross-entropy over the chosen positions only.

        L = -sum_{t chosen} log p_t[token_t] / (number chosen)

    Args:
        tokens: int array (time,), true tokens.
        p: array (time, vocabulary), predicted probabilities.
        chosen: bool array (time,), positions that count.

    >>> p = np.array([[0.5, 0.5], [1.0, 0.0]])
    >>> round(float(masked_cross_entropy(np.array([0, 1]), p, np.array([True, False]))), 6)
    0.693147
    """
    right = np.take_along_axis(p[chosen], tokens[chosen][:, None], axis=-1)
    return -np.mean(np.log(right))


def choose(logits: ArrayLike, uniform: ArrayLike, temperature: float = 1.0) -> np.ndarray:
    """Sample a token from softmax(z / T) by the Gumbel-max trick.

        argmax_i( z_i / T - log(-log u_i) )        u ~ U(0, 1); T -> 0: the likeliest

    Args:
        logits: array (..., vocabulary).
        uniform: array like logits, numbers from (0, 1).
        temperature: float, T; toward 0 the most likely token is chosen.

    >>> int(choose(np.array([2.0, 1.0, 0.1]), np.array([0.5, 0.9, 0.5]))), \\
    ...     int(choose(np.array([2.0, 1.0, 0.1]), np.array([0.5, 0.9, 0.5]), temperature=0.1))
    (1, 0)

    Reference: Gumbel, 1954.
    """
    return np.argmax(np.asarray(logits) / temperature - np.log(-np.log(uniform)), axis=-1)


def generate(
    predict: Callable, tokens: list[int], count: int, decide: Callable = np.argmax
) -> list[int]:
    """Generate text: predict the next token, append it, repeat.

        t_{n+1} = decide( predict(t_1 ... t_n)_n )

    Args:
        predict: function from tokens to logits (time, vocabulary) of the token after each.
        tokens: list of int, the prompt.
        count: int, number of tokens to generate.
        decide: function from logits to a token; the default takes the most likely one.

    >>> generate(lambda tokens: np.eye(5)[(np.array(tokens) + 1) % 5], [3], 4)
    [3, 4, 0, 1, 2]
    """
    for _ in range(count):
        tokens = [*tokens, int(decide(predict(tokens)[-1]))]
    return tokens
