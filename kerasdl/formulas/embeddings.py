"""Words as vectors: looking them up, comparing them, and learning them from their neighbours."""

import numpy as np


def one_hot(tokens, size):
    """Each token its own axis: any two are sqrt(2) apart, so that no two are more alike.

        x_i = [ i = t ]

    Spec: TRF-08

    >>> one_hot([2, 0], 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return np.eye(size)[tokens]


def embed(tokens, matrix):
    """A row of the table for each token, which is what one-hot times the table would give.

        x = one_hot(t) E

    The notes give Keras's layer an `input_length`: it is ignored, with a warning.

    Spec: TRF-09, E-80

    >>> embed([1, 0], np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    return matrix[tokens]


def unembed(h, matrix):
    """Logits of every word: how far h points its way. Often the same table that reads.

        z = h E^T        E (V, d), a row a word

    Spec: TRF-10

    >>> unembed(np.array([1.0, 0.0]), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [1.0, 3.0]
    """
    return h @ matrix.T


def dot_similarity(v, w):
    """How far they point the same way, and how long they are; below 0 if they are opposed.

        v . w = sum_i v_i w_i

    Spec: TRF-03, TRF-04

    >>> float(dot_similarity(np.array([0.9, 0.1, 0.2]), np.array([0.8, 0.2, 0.2])).round(6))
    0.78
    """
    return np.sum(v * w, axis=-1)


def cosine_similarity(v, w):
    """The same without the lengths, from -1 to 1.

        cos = v . w / (|v| |w|)

    One of the notes has king and queen closer to each other than to man and woman. With its vectors
    that is so of the distance, 0.14 to 0.41, and not of the cosine, 0.991 to 0.996.

    Spec: TRF-02, TRF-04, E-73

    >>> king, queen, man = np.array([[0.9, 0.1, 0.2], [0.8, 0.2, 0.2], [0.5, 0.1, 0.1]])
    >>> [float(cosine_similarity(king, other).round(4)) for other in (queen, man)]
    [0.9912, 0.9961]
    """
    return dot_similarity(v, w) / (np.linalg.norm(v, axis=-1) * np.linalg.norm(w, axis=-1))


def euclidean_distance(v, w):
    """How far apart they are; for vectors of length 1, d^2 = 2 - 2 cos.

        d = sqrt( sum_i (v_i - w_i)^2 )

    Spec: TRF-02, TRF-04

    >>> king, queen, man = np.array([[0.9, 0.1, 0.2], [0.8, 0.2, 0.2], [0.5, 0.1, 0.1]])
    >>> [float(euclidean_distance(king, other).round(4)) for other in (queen, man)]
    [0.1414, 0.4123]
    """
    return np.linalg.norm(v - w, axis=-1)


def analogy(vectors, a, b, c):
    """What is to c as a is to b: king - man + woman, and the nearest word that was not given.

        argmin_w | w - (a - b + c) |

    Spec: TRF-01, TRF-05

    >>> words = {"king": [0.9, 0.1, 0.2], "queen": [0.8, 0.2, 0.2], "man": [0.5, 0.1, 0.1],
    ...          "woman": [0.4, 0.2, 0.1], "dog": [0.2, 0.6, 0.1], "cat": [0.2, 0.5, 0.1]}
    >>> analogy({word: np.array(v) for word, v in words.items()}, "king", "man", "woman")
    'queen'
    """
    wanted = vectors[a] - vectors[b] + vectors[c]
    others = [word for word in vectors if word not in (a, b, c)]
    return min(others, key=lambda word: euclidean_distance(vectors[word], wanted))


def skip_gram_loss(word, context, negatives, bias=0.0, negative_biases=0.0):
    """word2vec: tell a word's true neighbour from some drawn ones.

        L = -log sigma(v . u + b) - sum_k log sigma(-(v . u_k + b_k))

    Spec: TRF-06

    >>> v = np.array([10.0, 0.0])
    >>> float(skip_gram_loss(v, v, -v[None])) < 1e-40
    True
    """
    true = dot_similarity(word, context) + bias
    false = word @ negatives.T + negative_biases  # -log sigma(-z) = log(1 + e^z)
    return np.logaddexp(0, -true) + np.sum(np.logaddexp(0, false), axis=-1)


def glove_loss(words, contexts, biases, context_biases, counts):
    """GloVe: dot products as the logarithms of how often words stand together.

        L = sum_ij f(X_ij) (w_i . c_j + b_i + b'_j - ln X_ij)^2        f(X) = min(1, (X / 100)^0.75)

    Spec: TRF-06

    >>> float(glove_loss(np.ones((1, 1)), np.ones((1, 1)), 0, 0, np.array([[np.e]])).round(9))
    0.0
    """
    error = words @ contexts.T + np.reshape(biases, (-1, 1)) + context_biases
    error = error - np.log(np.maximum(counts, 1e-12))  # f is 0 where they never meet
    return np.sum(np.minimum(1, (counts / 100) ** 0.75) * error**2)


def character_ngrams(word, shortest=3, longest=6):
    """FastText: the parts of which a word's vector is the sum, so that a new word has one too.

        G = { w_i ... w_{i+n-1} : 3 <= n <= 6 }        w = <word>

    Spec: TRF-06

    >>> character_ngrams("cat", 3, 4)
    ['<ca', 'cat', 'at>', '<cat', 'cat>']
    """
    word = f"<{word}>"
    return [word[i : i + n] for n in range(shortest, longest + 1) for i in range(len(word) - n + 1)]


def share_near_right_angle(dimensions, degrees=2.0):
    """How many pairs of random vectors are nearly at right angles: room for many meanings.

        p(angle) ~ sin(angle)^(n - 2)        its deviation is about 1 / sqrt(n), 57.3 degrees of it

    n vectors fit exactly at right angles, but very many more at 88 to 92 degrees: superposition.

    Spec: TRF-26

    >>> [round(float(share_near_right_angle(n)), 4) for n in (1000, 12288)]
    [0.73, 0.9999]
    """
    angle = (np.arange(200_000) + 0.5) / 200_000 * np.pi
    density = np.exp((dimensions - 2) * np.log(np.sin(angle)))
    near = np.abs(angle - np.pi / 2) <= np.radians(degrees)
    return np.sum(density[near]) / np.sum(density)
