"""Augmentation: the same thing seen a little otherwise. Images are (height, width, channels)."""

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])


def rotation_factor(degrees):
    """What `keras.layers.RandomRotation` calls an angle: a share of the full turn.

        f = degrees / 360

    One of the notes gives 0.1 as today's form of 20 degrees: it is 36. (The old form, an
    ImageDataGenerator, is gone from `keras`; `tf.keras` keeps it for old code only.)

    Spec: DAT-09, DAT-10, E-80, E-82

    >>> [round(rotation_factor(degrees), 4) for degrees in (20, 10, 36)]
    [0.0556, 0.0278, 0.1]
    """
    return degrees / 360


def center_crop(image, height, width):
    """The middle: what is tested on, always the same.

        x[t : t + h, l : l + w]        t = (H - h) // 2, l = (W - w) // 2

    Spec: DAT-04

    >>> center_crop(np.arange(16).reshape(4, 4, 1), 2, 2)[..., 0].tolist()
    [[5, 6], [9, 10]]
    """
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def affine(size, degrees=0.0, scale=1.0, flip=False, shift=(0.0, 0.0)):
    """Where each pixel of the new image comes from in the old one, about its centre.

        [x']   [ s m cos  -s sin ] [x - c_x]   [c_x + right]
        [y'] = [ s m sin   s cos ] [y - c_y] + [c_y + down ]        m = -1 to flip, else 1

    s above 1 shrinks what is seen. The result is 2 x 3.

    One of the notes has the heading of augmentation alone.

    Spec: DAT-03, DAT-11, E-87

    >>> affine((3, 3), flip=True).tolist()
    [[-1.0, -0.0, 2.0], [-0.0, 1.0, 0.0]]
    """
    turn = np.deg2rad(degrees)
    mirror = -1.0 if flip else 1.0
    matrix = scale * np.array(
        [[mirror * np.cos(turn), -np.sin(turn)], [mirror * np.sin(turn), np.cos(turn)]]
    )
    centre = (np.array(size[::-1]) - 1) / 2
    return np.column_stack([matrix, centre - matrix @ centre + np.array(shift)[::-1]])


def warp(image, transform):
    """The new image: from where each pixel comes the mean of four, by nearness; outside is black.

        y[i, j] = sum_ab (1 - |y' - a|) (1 - |x' - b|) x[a, b]

    Spec: DAT-03, DAT-11

    >>> warp(np.arange(3.0).reshape(1, 3, 1), np.array([[1, 0, 0.5], [0, 1, 0]]))[0, :, 0].tolist()
    [0.5, 1.5, 1.0]
    """
    height, width, channels = image.shape
    y, x = np.indices((height, width))
    x, y = np.einsum("ij,jhw->ihw", transform, np.stack([x, y, np.ones_like(x)]))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    padded = np.pad(image, [(1, 1), (1, 1), (0, 0)])
    warped = np.zeros((height, width, channels))
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        near = np.maximum(1 - np.abs(y - row), 0) * np.maximum(1 - np.abs(x - column), 0)
        found = padded[np.clip(row + 1, 0, height + 1), np.clip(column + 1, 0, width + 1)]
        warped += near[..., None] * found
    return warped


def move_boxes(boxes, transform):
    """Boxes go with their image: the corners the other way, and the upright box about them.

        p = M^-1 (p' - t)        (x1, y1, x2, y2) in pixels, edges half a pixel from centres

    Spec: DAT-25

    >>> move_boxes(np.array([[0.0, 0.0, 1.0, 2.0]]), affine((3, 3), flip=True)).tolist()
    [[2.0, 0.0, 3.0, 2.0]]
    """
    corners = boxes[:, [[0, 1], [2, 1], [0, 3], [2, 3]]] - 0.5  # (boxes, 4, 2)
    moved = (corners - transform[:, 2]) @ np.linalg.inv(transform[:, :2]).T + 0.5
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=-1)


def jitter_colour(image, brightness=1.0, contrast=1.0, saturation=1.0):
    """Other light: each pixel from its grey, all from their mean grey, all by a factor.

        x <- g + s (x - g)    x <- m + c (x - m)    x <- b x        g = luma(x), m = mean(g)

    Spec: DAT-03, DAT-11

    >>> jitter_colour(np.array([[[0.2, 0.4, 0.6]]]), saturation=0.0).round(3).tolist()
    [[[0.363, 0.363, 0.363]]]
    """
    grey = (image @ LUMA)[..., None]
    image = grey + saturation * (image - grey)
    mean = np.mean(image @ LUMA)
    return np.clip(brightness * (mean + contrast * (image - mean)), 0, 1)


def pca_colour(images, alpha):
    """AlexNet's: move all pixels along the ways in which colours vary most, by drawn amounts.

        x <- x + P (alpha lambda)        cov(RGB) = P diag(lambda) P^T, alpha ~ N(0, 0.1)

    Spec: DAT-12

    >>> grey = np.array([[[0.0] * 3, [1.0] * 3]])  # they vary along (1, 1, 1) alone
    >>> pca_colour(grey, np.zeros(3)).ravel().tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    variances, axes = np.linalg.eigh(np.cov(images.reshape(-1, 3).T))
    return images + axes[:, ::-1] @ (alpha * variances[::-1])


def mixup(x, y, other_x, other_y, share):
    """An example between two, with a label between theirs.

        x = l x_1 + (1 - l) x_2        y = l y_1 + (1 - l) y_2        l ~ Beta(a, a)

    Spec: DAT-08

    >>> x, y = np.array([[1.0], [3.0]]), np.eye(2)
    >>> [part.tolist() for part in mixup(x[0], y[0], x[1], y[1], 0.75)]
    [[1.5], [0.75, 0.25]]
    """
    return share * x + (1 - share) * other_x, share * y + (1 - share) * other_y


def cutmix(x, y, other_x, other_y, box):
    """A piece of another image, and of its label as much as the piece is large.

        x = M x_1 + (1 - M) x_2        y = (1 - A) y_1 + A y_2        A = |box| / (H W)

    Spec: DAT-08

    >>> x, y = cutmix(np.zeros((2, 2, 1)), 0.0, np.ones((2, 2, 1)), 1.0, box=(0, 0, 1, 2))
    >>> x[..., 0].tolist(), y
    ([[1.0, 0.0], [1.0, 0.0]], 0.5)
    """
    left, top, right, bottom = box
    mixed = x.copy()
    mixed[top:bottom, left:right] = other_x[top:bottom, left:right]
    share = (right - left) * (bottom - top) / (x.shape[0] * x.shape[1])
    return mixed, (1 - share) * y + share * other_y
