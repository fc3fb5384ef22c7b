"""Contrastive and self-supervised losses: find what belongs together, without labels."""

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.activations import softmax
from kerasdl.formulas.embeddings import cosine_similarity
from kerasdl.formulas.losses import cross_entropy


def unit(z: ArrayLike) -> np.ndarray:
    """Scale vectors to length 1, so that dot products are cosines.

        u = z / ||z||

    Args:
        z: array (..., d).

    >>> unit(np.array([3.0, 4.0])).tolist()
    [0.6, 0.8]
    """
    return np.divide(z, np.linalg.norm(z, axis=-1, keepdims=True))


def nt_xent(z1: np.ndarray, z2: np.ndarray, temperature: float = 0.5) -> np.floating:
    """NT-Xent loss of SimCLR: find the other view of each image among all 2B - 1 others.

        L = mean_i -log( e^(s_i,j(i) / T) / sum_{k != i} e^(s_ik / T) )        s: cosines

    Args:
        z1: array (B, d), first views.
        z2: array (B, d), second views.
        temperature: float, divides the cosines; small values emphasize hard negatives.

    >>> round(float(nt_xent(np.eye(4), np.eye(4))), 6), round(float(np.log(1 + 6 * np.exp(-2))), 6)
    (0.594438, 0.594438)

    Reference: Chen et al., 2020.
    """
    count = len(z1)
    z = unit(np.concatenate([z1, z2]))
    logits = np.where(np.eye(2 * count, dtype=bool), -np.inf, z @ z.T / temperature)
    other = np.roll(np.arange(2 * count), count)
    return cross_entropy(other, softmax(logits))


def info_nce(
    query: ArrayLike, positive: ArrayLike, negatives: ArrayLike, temperature: float = 0.07
) -> np.floating:
    """InfoNCE loss of MoCo: find the other view among vectors of earlier batches.

        L = mean -log( e^(q . k+ / T) / (e^(q . k+ / T) + sum_k e^(q . k / T)) )

    The other view is encoded by a slow copy of the network that gets no gradient, see `slow_copy`;
    its outputs wait in a queue, see `enqueue`.

    Args:
        query: array (B, d), first views.
        positive: array (B, d), second views, encoded by the slow copy.
        negatives: array (K, d), the queue.
        temperature: float, divides the similarities.

    >>> round(float(info_nce(np.eye(2), np.eye(2), np.zeros((2, 2)), temperature=1.0)), 6)
    0.551445

    Reference: He et al., 2020.
    """
    query, positive = unit(query), unit(positive)
    true = np.sum(query * positive, axis=-1, keepdims=True)
    logits = np.concatenate([true, query @ np.asarray(negatives).T], axis=-1) / temperature
    return cross_entropy(np.zeros(len(query), int), softmax(logits))


def slow_copy(
    teacher: float | np.ndarray, student: float | np.ndarray, momentum: float = 0.999
) -> float | np.ndarray:
    """Exponential moving average of weights: a teacher that follows its student slowly.

        theta_k <- m theta_k + (1 - m) theta_q

    Args:
        teacher: array, weights theta_k of the copy.
        student: array, weights theta_q of the trained network.
        momentum: float, fraction m that is kept.

    >>> first = slow_copy(0.0, 1.0, 0.9)
    >>> round(first, 6), round(slow_copy(first, 1.0, 0.9), 6)
    (0.1, 0.19)

    Reference: He et al., 2020.
    """
    return momentum * teacher + (1 - momentum) * student


def enqueue(queue: np.ndarray, keys: np.ndarray, pointer: int) -> tuple[np.ndarray, int]:
    """Replace the oldest entries of a queue; returns the queue and the next position.

        q_{(p + i) mod K} <- k_i        p <- (p + B) mod K

    Args:
        queue: array (K, ...).
        keys: array (B, ...), new entries.
        pointer: int, position p of the oldest entry.

    >>> line, pointer = enqueue(np.array([1, 2, 3, 4]), np.array([5, 6]), pointer=3)
    >>> line.tolist(), pointer
    ([6, 2, 3, 5], 1)
    """
    places = (pointer + np.arange(len(keys))) % len(queue)
    queue = queue.copy()
    queue[places] = keys
    return queue, (pointer + len(keys)) % len(queue)


def byol_loss(predicted: float | np.ndarray, target: float | np.ndarray) -> np.floating:
    """BYOL's loss: predict the slow copy's output for the other view, without negatives.

        L = mean || q / |q| - z / |z| ||^2 = mean (2 - 2 cos), in [0, 4]

    Args:
        predicted: array (B, d), predictions q.
        target: array (B, d), outputs z of the slow copy.

    >>> float(byol_loss(np.array([[1.0, 0.0]]), np.array([[-2.0, 0.0]])))
    4.0

    Reference: Grill et al., 2020.
    """
    return np.mean(2 - 2 * cosine_similarity(predicted, target))


def visible_patches(uniform: np.ndarray, fraction: float = 0.75) -> np.ndarray:
    """Random patches that a masked autoencoder's encoder sees.

        N (1 - p) of N patches: 49 of 196

    Args:
        uniform: array (..., patches), random numbers; the smallest are visible.
        fraction: float, fraction p of hidden patches.

    >>> visible_patches(np.array([0.9, 0.1, 0.5, 0.7])).tolist()
    [False, True, False, False]

    Reference: He et al., 2022.
    """
    count = int(uniform.shape[-1] * (1 - fraction))
    return np.argsort(np.argsort(uniform, axis=-1), axis=-1) < count


def hidden_patch_loss(
    patches: np.ndarray, predicted: np.ndarray, visible: np.ndarray
) -> np.floating:
    """Mean squared error of a masked autoencoder over the hidden patches only.

        L = sum_hidden mean (x_i - x^_i)^2 / (number hidden)

    Args:
        patches: array (..., patches, numbers), true patches.
        predicted: array like patches.
        visible: bool array (..., patches).

    >>> x = np.array([[1.0], [2.0]])
    >>> float(hidden_patch_loss(x, np.zeros((2, 1)), np.array([True, False])))
    4.0

    Reference: He et al., 2022.
    """
    return np.mean((patches - predicted)[~visible] ** 2)


def clip_loss(images: np.ndarray, texts: np.ndarray, scale: float = 1 / 0.07) -> np.floating:
    """CLIP's symmetric loss: match each image with its caption and each caption with its image.

        Z = s I T^T, of unit vectors; s = e^t is learned        L = (CE(Z, i) + CE(Z^T, i)) / 2

    Args:
        images: array (B, d), embeddings of images.
        texts: array (B, d), embeddings of their captions.
        scale: float, inverse temperature s = e^t; t is learned.

    >>> round(float(clip_loss(np.eye(2), np.eye(2), scale=1.0)), 6)
    0.313262

    Reference: Radford et al., 2021.
    """
    logits = scale * unit(images) @ unit(texts).T
    own = np.arange(len(images))
    return (cross_entropy(own, softmax(logits)) + cross_entropy(own, softmax(logits.T))) / 2


def zero_shot(image: ArrayLike, texts: ArrayLike, scale: float = 1 / 0.07) -> np.ndarray:
    """Classify an image by comparing it with the embeddings of class descriptions.

        p = softmax(s i T^T)

    Args:
        image: array (..., d), embedding of the image.
        texts: array (classes, d), embeddings of the descriptions.
        scale: float, inverse temperature.

    >>> zero_shot(np.array([2.0, 0.0]), np.eye(2), scale=1.0).round(3).tolist()
    [0.731, 0.269]

    Reference: Radford et al., 2021.
    """
    return softmax(scale * unit(image) @ unit(texts).T)


def alignment(z1: ArrayLike, z2: ArrayLike) -> np.floating:
    """Mean squared distance between the two views of each image: lower is better.

        E |z1 - z2|^2, of unit vectors

    Args:
        z1: array (B, d), first views.
        z2: array (B, d), second views.

    >>> float(alignment(np.eye(2), np.eye(2)[::-1]).round(6))
    2.0

    Reference: Wang and Isola, 2020.
    """
    return np.mean(np.sum((unit(z1) - unit(z2)) ** 2, axis=-1))


def uniformity(z: ArrayLike) -> np.floating:
    """How evenly embeddings spread over the sphere: lower is better, 0 means total collapse.

        ln mean_{i < j} e^(-2 |z_i - z_j|^2), of unit vectors

    Args:
        z: array (B, d).

    >>> float(uniformity(np.ones((3, 2)))), float(uniformity(np.eye(2)).round(6))
    (0.0, -4.0)

    Reference: Wang and Isola, 2020.
    """
    z = unit(z)
    squares = np.sum((z[:, None] - z) ** 2, axis=-1)
    return np.log(np.mean(np.exp(-2 * squares[np.triu_indices(len(z), 1)])))
