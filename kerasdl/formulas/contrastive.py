"""Learning without labels: what belongs together is to be found among what does not."""

import numpy as np

from kerasdl.formulas.activations import softmax
from kerasdl.formulas.embeddings import cosine_similarity
from kerasdl.formulas.losses import cross_entropy


def unit(z):
    """Vectors of length 1, so that dot products are cosines.

        u = z / ||z||

    Spec: SSL-02, SSL-09

    >>> unit(np.array([3.0, 4.0])).tolist()
    [0.6, 0.8]
    """
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def nt_xent(z1, z2, temperature=0.5):
    """SimCLR: two views of each image; for each view, find the other among all 2B - 1.

        L = mean_i -log( e^(s_i,j(i) / T) / sum_{k != i} e^(s_ik / T) )        s: cosines

    Spec: SSL-02

    >>> round(float(nt_xent(np.eye(4), np.eye(4))), 6), round(float(np.log(1 + 6 * np.exp(-2))), 6)
    (0.594438, 0.594438)
    """
    count = len(z1)
    z = unit(np.concatenate([z1, z2]))
    logits = np.where(np.eye(2 * count, dtype=bool), -np.inf, z @ z.T / temperature)
    other = np.roll(np.arange(2 * count), count)
    return cross_entropy(other, softmax(logits))


def info_nce(query, positive, negatives, temperature=0.07):
    """MoCo: find the other view, which stands first, among vectors of earlier batches.

        L = mean -log( e^(q . k+ / T) / (e^(q . k+ / T) + sum_k e^(q . k / T)) )

    The other view is seen by a network that no gradient reaches, a slow copy: `slow_copy`. What it
    made waits in a line: `enqueue`. The notes name both and give neither.

    Spec: SSL-06, E-89

    >>> round(float(info_nce(np.eye(2), np.eye(2), np.zeros((2, 2)), temperature=1.0)), 6)
    0.551445
    """
    query, positive = unit(query), unit(positive)
    true = np.sum(query * positive, axis=-1, keepdims=True)
    logits = np.concatenate([true, query @ np.asarray(negatives).T], axis=-1) / temperature
    return cross_entropy(np.zeros(len(query), int), softmax(logits))


def slow_copy(teacher, student, momentum=0.999):
    """A teacher that follows its student slowly: an exponential moving average of its weights.

        theta_k <- m theta_k + (1 - m) theta_q

    Spec: SSL-06, SSL-07, SSL-13

    >>> first = slow_copy(0.0, 1.0, 0.9)
    >>> round(first, 6), round(slow_copy(first, 1.0, 0.9), 6)
    (0.1, 0.19)
    """
    return momentum * teacher + (1 - momentum) * student


def enqueue(queue, keys, pointer):
    """The newest take the places of the oldest; gives the line and where the next will stand.

        q_{(p + i) mod K} <- k_i        p <- (p + B) mod K

    Spec: SSL-06

    >>> line, pointer = enqueue(np.array([1, 2, 3, 4]), np.array([5, 6]), pointer=3)
    >>> line.tolist(), pointer
    ([6, 2, 3, 5], 1)
    """
    places = (pointer + np.arange(len(keys))) % len(queue)
    queue = queue.copy()
    queue[places] = keys
    return queue, (pointer + len(keys)) % len(queue)


def byol_loss(predicted, target):
    """BYOL: foretell what the slow copy says of the other view, without anything to tell it from.

        L = mean || q / |q| - z / |z| ||^2 = mean (2 - 2 cos), in [0, 4]

    Spec: SSL-07

    >>> float(byol_loss(np.array([[1.0, 0.0]]), np.array([[-2.0, 0.0]])))
    4.0
    """
    return np.mean(2 - 2 * cosine_similarity(predicted, target))


def visible_patches(uniform, share=0.75):
    """MAE: the patches that an encoder sees, those with the smallest of random numbers.

        of N patches N (1 - p): 49 of 196

    Spec: SSL-08

    >>> visible_patches(np.array([0.9, 0.1, 0.5, 0.7])).tolist()
    [False, True, False, False]
    """
    count = int(uniform.shape[-1] * (1 - share))
    return np.argsort(np.argsort(uniform, axis=-1), axis=-1) < count


def hidden_patch_loss(patches, predicted, visible):
    """How well the hidden patches were drawn; those that it saw do not count.

        L = sum_hidden mean (x_i - x^_i)^2 / (number hidden)

    Spec: SSL-08

    >>> x = np.array([[1.0], [2.0]])
    >>> float(hidden_patch_loss(x, np.zeros((2, 1)), np.array([True, False])))
    4.0
    """
    return np.mean((patches - predicted)[~visible] ** 2)


def clip_loss(images, texts, scale=1 / 0.07):
    """CLIP: of a batch of pictures and captions, find the caption of each, and the picture of each.

        Z = s I T^T, of unit vectors; s = e^t is learned        L = (CE(Z, i) + CE(Z^T, i)) / 2

    Spec: SSL-09

    >>> round(float(clip_loss(np.eye(2), np.eye(2), scale=1.0)), 6)
    0.313262
    """
    logits = scale * unit(images) @ unit(texts).T
    own = np.arange(len(images))
    return (cross_entropy(own, softmax(logits)) + cross_entropy(own, softmax(logits.T))) / 2


def zero_shot(image, texts, scale=1 / 0.07):
    """Which of some captions a picture has: a classifier whose classes are sentences.

        p = softmax(s i T^T)

    Spec: SSL-10

    >>> zero_shot(np.array([2.0, 0.0]), np.eye(2), scale=1.0).round(3).tolist()
    [0.731, 0.269]
    """
    return softmax(scale * unit(image) @ unit(texts).T)


def alignment(z1, z2):
    """How far the two views of an image end from each other, on average: less is better.

        E |z1 - z2|^2, of unit vectors

    Spec: SSL-04

    >>> float(alignment(np.eye(2), np.eye(2)[::-1]).round(6))
    2.0
    """
    return np.mean(np.sum((unit(z1) - unit(z2)) ** 2, axis=-1))


def uniformity(z):
    """How evenly images spread over the sphere: less is better, 0 is a collapse into one point.

        ln mean_{i < j} e^(-2 |z_i - z_j|^2), of unit vectors

    Spec: SSL-04

    >>> float(uniformity(np.ones((3, 2)))), float(uniformity(np.eye(2)).round(6))
    (0.0, -4.0)
    """
    z = unit(z)
    squares = np.sum((z[:, None] - z) ** 2, axis=-1)
    return np.log(np.mean(np.exp(-2 * squares[np.triu_indices(len(z), 1)])))
