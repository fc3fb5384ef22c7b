"""Language models: filling gaps to learn, and writing word by word."""

import numpy as np


def mask_tokens(tokens, uniform, mask_token, random_tokens):
    """BERT's exercise: what it reads, and the places that it has to guess.

        of 15 % chosen tokens: 80 % become [MASK], 10 % a random one, 10 % stay

    `uniform` holds a number from [0, 1) for each token. What stays must be guessed too, so that
    every place has to be understood, and not only those that say [MASK].

    Spec: TRF-41

    >>> mask_tokens(np.array([7, 7, 7, 7]), np.array([0.1, 0.125, 0.14, 0.5]), 0, 3)
    (array([0, 3, 7, 7]), array([ True,  True,  True, False]))
    """
    inputs = np.where(uniform < 0.12, mask_token, tokens)
    inputs = np.where((uniform >= 0.12) & (uniform < 0.135), random_tokens, inputs)
    return inputs, uniform < 0.15


def masked_cross_entropy(tokens, p, chosen):
    """The mean surprise at the chosen places only.

        L = -sum_{t chosen} log p_t[token_t] / (number chosen)

    Spec: TRF-41

    >>> p = np.array([[0.5, 0.5], [1.0, 0.0]])
    >>> round(float(masked_cross_entropy(np.array([0, 1]), p, np.array([True, False]))), 6)
    0.693147
    """
    right = np.take_along_axis(p[chosen], tokens[chosen][:, None], axis=-1)
    return -np.mean(np.log(right))


def choose(logits, uniform, temperature=1.0):
    """Draw from softmax(z / T): add noise of the right kind, Gumbel's, and take the largest.

        argmax_i( z_i / T - log(-log u_i) )        u ~ U(0, 1); T -> 0: the likeliest

    Spec: RNN-22, TRF-37, TRF-38

    >>> int(choose(np.array([2.0, 1.0, 0.1]), np.array([0.5, 0.9, 0.5]))), \\
    ...     int(choose(np.array([2.0, 1.0, 0.1]), np.array([0.5, 0.9, 0.5]), temperature=0.1))
    (1, 0)
    """
    return np.argmax(np.asarray(logits) / temperature - np.log(-np.log(uniform)), axis=-1)


def generate(predict, tokens, count, decide=np.argmax):
    """Predict the next token, append it, read on.

        t_{n+1} = decide( predict(t_1 ... t_n)_n )

    `predict` gives logits (time, vocabulary) of the token after each. The default is greedy.

    Spec: RNN-22, TRF-36

    >>> generate(lambda tokens: np.eye(5)[(np.array(tokens) + 1) % 5], [3], 4)
    [3, 4, 0, 1, 2]
    """
    for _ in range(count):
        tokens = [*tokens, int(decide(predict(tokens)[-1]))]
    return tokens
