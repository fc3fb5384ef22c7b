"""Word embeddings: lookup, similarity, and losses that learn them from context."""

import numpy as np


def one_hot(tokens: np.ndarray, size: int) -> np.ndarray:
    """One-hot vectors: any two different tokens are sqrt(2) apart, so none are similar.

        x_i = [ i = t ]

    Args:
        tokens: int array.
        size: int, size of the vocabulary.

    >>> one_hot([2, 0], 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return np.eye(size)[tokens]


def embed(tokens: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Embedding lookup: select a row of the table for each token.

        x = one_hot(t) E

    It equals a one-hot vector times the table. (Keras's `Embedding` ignores the old argument
    `input_length`, with a warning.)

    Args:
        tokens: int array.
        matrix: array (vocabulary, d).

    >>> embed([1, 0], np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    return matrix[tokens]


def unembed(h: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Logits of all words: the dot product of a hidden state with each row of the table.

        z = h E^T        E (V, d), a row a word

    Often the same table as the embedding (weight tying).

    Args:
        h: array (..., d), hidden states.
        matrix: array (vocabulary, d).

    >>> unembed(np.array([1.0, 0.0]), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [1.0, 3.0]
    """
    return h @ matrix.T


def dot_similarity(v: float | np.ndarray, w: float | np.ndarray) -> np.ndarray:
    """Dot product: grows with alignment and with length; negative for opposite directions.

        v . w = sum_i v_i w_i

    Args:
        v: array (..., d).
        w: array (..., d).

    >>> float(dot_similarity(np.array([0.9, 0.1, 0.2]), np.array([0.8, 0.2, 0.2])).round(6))
    0.78
    """
    return np.sum(v * w, axis=-1)


def cosine_similarity(v: float | np.ndarray, w: float | np.ndarray) -> np.ndarray:
    """Cosine of the angle between two vectors, from -1 to 1.

        cos = v . w / (|v| |w|)

    Which words count as close depends on the measure: with the toy vectors below, king is closest
    to queen by distance (0.14 against 0.41) but to man by cosine (0.996 against 0.991).

    Args:
        v: array (..., d).
        w: array (..., d).

    >>> king, queen, man = np.array([[0.9, 0.1, 0.2], [0.8, 0.2, 0.2], [0.5, 0.1, 0.1]])
    >>> [float(cosine_similarity(king, other).round(4)) for other in (queen, man)]
    [0.9912, 0.9961]
    """
    return dot_similarity(v, w) / (np.linalg.norm(v, axis=-1) * np.linalg.norm(w, axis=-1))


def euclidean_distance(v: float | np.ndarray, w: float | np.ndarray) -> np.ndarray:
    """Euclidean distance of two vectors; d^2 = 2 - 2 cos for vectors of length 1.

        d = sqrt( sum_i (v_i - w_i)^2 )

    Args:
        v: array (..., d).
        w: array (..., d).

    >>> king, queen, man = np.array([[0.9, 0.1, 0.2], [0.8, 0.2, 0.2], [0.5, 0.1, 0.1]])
    >>> [float(euclidean_distance(king, other).round(4)) for other in (queen, man)]
    [0.1414, 0.4123]
    """
    return np.linalg.norm(v - w, axis=-1)


def analogy(vectors: dict[str, np.ndarray], a: str, b: str, c: str) -> str:
    """Word nearest to a - b + c, the three given words excluded: king - man + woman is queen.

        argmin_w | w - (a - b + c) |

    Args:
        vectors: dict from words to arrays (d,).
        a: str, word.
        b: str, word that is subtracted.
        c: str, word that is added.

    >>> words = {"king": [0.9, 0.1, 0.2], "queen": [0.8, 0.2, 0.2], "man": [0.5, 0.1, 0.1],
    ...          "woman": [0.4, 0.2, 0.1], "dog": [0.2, 0.6, 0.1], "cat": [0.2, 0.5, 0.1]}
    >>> analogy({word: np.array(v) for word, v in words.items()}, "king", "man", "woman")
    'queen'

    Reference: Mikolov et al., 2013.
    """
    wanted = vectors[a] - vectors[b] + vectors[c]
    others = [word for word in vectors if word not in (a, b, c)]
    return min(others, key=lambda word: euclidean_distance(vectors[word], wanted))


def skip_gram_loss(
    word: np.ndarray,
    context: np.ndarray,
    negatives: np.ndarray,
    bias: float | np.ndarray = 0.0,
    negative_biases: float | np.ndarray = 0.0,
) -> np.ndarray:
    """word2vec's negative-sampling loss: tell the true context word from random ones.

        L = -log sigma(v . u + b) - sum_k log sigma(-(v . u_k + b_k))

    Args:
        word: array (..., d), vector v of the word.
        context: array (..., d), vector u of the true context word.
        negatives: array (k, d), vectors of random words.
        bias: array or float, bias of the true word.
        negative_biases: array or float, biases of the random words.

    >>> v = np.array([10.0, 0.0])
    >>> float(skip_gram_loss(v, v, -v[None])) < 1e-40
    True

    Reference: Mikolov et al., 2013.
    """
    true = dot_similarity(word, context) + bias
    false = word @ negatives.T + negative_biases  # -log sigma(-z) = log(1 + e^z)
    return np.logaddexp(0, -true) + np.sum(np.logaddexp(0, false), axis=-1)


def glove_loss(
    words: np.ndarray,
    contexts: np.ndarray,
    biases: np.ndarray,
    context_biases: np.ndarray,
    counts: np.ndarray,
) -> np.floating:
    """GloVe's loss: dot products should equal the logarithm of co-occurrence counts.

        L = sum_ij f(X_ij) (w_i . c_j + b_i + b'_j - ln X_ij)^2        f(X) = min(1, (X / 100)^0.75)

    Args:
        words: array (n, d), vectors w_i.
        contexts: array (m, d), vectors c_j.
        biases: array (n,), b_i.
        context_biases: array (m,), b'_j.
        counts: array (n, m), co-occurrence counts X.

    >>> float(glove_loss(np.ones((1, 1)), np.ones((1, 1)), 0, 0, np.array([[np.e]])).round(9))
    0.0

    Reference: Pennington et al., 2014.
    """
    error = words @ contexts.T + np.reshape(biases, (-1, 1)) + context_biases
    error = error - np.log(np.maximum(counts, 1e-12))  # f is 0 where the count is 0
    return np.sum(np.minimum(1, (counts / 100) ** 0.75) * error**2)


def character_ngrams(word: str, shortest: int = 3, longest: int = 6) -> list[str]:
    """Character n-grams of FastText: a word's vector is their sum, so that unknown words have one.

        G = { w_i ... w_{i+n-1} : 3 <= n <= 6 }        w = <word>

    Args:
        word: str.
        shortest: int, smallest n.
        longest: int, largest n.

    >>> character_ngrams("cat", 3, 4)
    ['<ca', 'cat', 'at>', '<cat', 'cat>']

    Reference: Bojanowski et al., 2017.
    """
    word = f"<{word}>"
    return [word[i : i + n] for n in range(shortest, longest + 1) for i in range(len(word) - n + 1)]


def fraction_near_right_angle(dimensions: int, degrees: float = 2.0) -> np.floating:
    """Fraction of random vector pairs that are nearly orthogonal.

        p(angle) ~ sin(angle)^(n - 2)        standard deviation about 57.3 / sqrt(n) degrees

    Only n vectors are exactly orthogonal, but exponentially many are at 88 to 92 degrees. Networks
    store more features than dimensions this way (superposition).

    Args:
        dimensions: int, n.
        degrees: float, allowed deviation from 90 degrees.

    >>> [round(float(fraction_near_right_angle(n)), 4) for n in (1000, 12288)]
    [0.73, 0.9999]
    """
    angle = (np.arange(200_000) + 0.5) / 200_000 * np.pi
    density = np.exp((dimensions - 2) * np.log(np.sin(angle)))
    near = np.abs(angle - np.pi / 2) <= np.radians(degrees)
    return np.sum(density[near]) / np.sum(density)
