"""Data augmentation: random changes of images (height, width, channels) that keep the label."""

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])


def rotation_factor(degrees: float) -> float:
    """Convert degrees to the factor of `keras.layers.RandomRotation`, a fraction of a full turn.

        f = degrees / 360

    A factor of 0.1 means 36 degrees; 20 degrees are 0.0556. (ImageDataGenerator, which took
    degrees, no longer exists in Keras 3.)

    Args:
        degrees: float, angle.

    >>> [round(rotation_factor(degrees), 4) for degrees in (20, 10, 36)]
    [0.0556, 0.0278, 0.1]
    """
    return degrees / 360


def center_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut out the middle of an image: the deterministic crop for validation and test.

        x[t : t + h, l : l + w]        t = (H - h) // 2, l = (W - w) // 2

    Args:
        image: array (height, width, channels).
        height: int, height of the crop.
        width: int, width of the crop.

    >>> center_crop(np.arange(16).reshape(4, 4, 1), 2, 2)[..., 0].tolist()
    [[5, 6], [9, 10]]
    """
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def affine(
    size: tuple[int, int],
    degrees: float = 0.0,
    scale: float = 1.0,
    flip: bool = False,
    shift: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Affine transform about the image's center, as a 2 x 3 matrix from new to old coordinates.

        [x']   [ s m cos  -s sin ] [x - c_x]   [c_x + right]
        [y'] = [ s m sin   s cos ] [y - c_y] + [c_y + down ]        m = -1 to flip, else 1

    Args:
        size: (height, width) of the image.
        degrees: float, rotation.
        scale: float, s above 1 shows a larger part of the old image, so objects shrink.
        flip: bool, mirror left and right.
        shift: (down, right) in pixels of the old image.

    >>> affine((3, 3), flip=True).tolist()
    [[-1.0, -0.0, 2.0], [-0.0, 1.0, 0.0]]
    """
    turn = np.deg2rad(degrees)
    mirror = -1.0 if flip else 1.0
    matrix = scale * np.array(
        [[mirror * np.cos(turn), -np.sin(turn)], [mirror * np.sin(turn), np.cos(turn)]]
    )
    center = (np.array(size[::-1]) - 1) / 2
    return np.column_stack([matrix, center - matrix @ center + np.array(shift)[::-1]])


def warp(image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Apply an affine transform with bilinear interpolation; pixels from outside are black.

        y[i, j] = sum_ab (1 - |y' - a|) (1 - |x' - b|) x[a, b]

    Args:
        image: array (height, width, channels).
        transform: array (2, 3), as from `affine`.

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


def move_boxes(boxes: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Transform boxes together with their image; the result is the upright box around the corners.

        p = M^-1 (p' - t)        (x1, y1, x2, y2) in pixels, edges half a pixel from centers

    Args:
        boxes: array (boxes, 4), corners in pixels.
        transform: array (2, 3), as from `affine`.

    >>> move_boxes(np.array([[0.0, 0.0, 1.0, 2.0]]), affine((3, 3), flip=True)).tolist()
    [[2.0, 0.0, 3.0, 2.0]]
    """
    corners = boxes[:, [[0, 1], [2, 1], [0, 3], [2, 3]]] - 0.5  # (boxes, 4, 2)
    moved = (corners - transform[:, 2]) @ np.linalg.inv(transform[:, :2]).T + 0.5
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=-1)


def jitter_color(
    image: float | np.ndarray,
    brightness: float = 1.0,
    contrast: float = 1.0,
    saturation: float = 1.0,
) -> np.ndarray:
    """Change saturation, contrast and brightness by factors.

        x <- g + s (x - g)    x <- m + c (x - m)    x <- b x        g = luma(x), m = mean(g)

    Args:
        image: array (height, width, 3), values in [0, 1].
        brightness: float, factor b.
        contrast: float, factor c.
        saturation: float, factor s; 0 gives gray.

    >>> jitter_color(np.array([[[0.2, 0.4, 0.6]]]), saturation=0.0).round(3).tolist()
    [[[0.363, 0.363, 0.363]]]
    """
    grey = (image @ LUMA)[..., None]
    image = grey + saturation * (image - grey)
    mean = np.mean(image @ LUMA)
    return np.clip(brightness * (mean + contrast * (image - mean)), 0, 1)


def pca_color(images: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """PCA color augmentation of AlexNet: shift all pixels along the principal axes of color.

        x <- x + P (alpha lambda)        cov(RGB) = P diag(lambda) P^T, alpha ~ N(0, 0.1)

    Args:
        images: array (..., 3), RGB values.
        alpha: array (3,), drawn amounts; 0 changes nothing.

    >>> grey = np.array([[[0.0] * 3, [1.0] * 3]])  # varies along (1, 1, 1) only
    >>> pca_color(grey, np.zeros(3)).ravel().tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]

    Reference: Krizhevsky et al., 2012.
    """
    variances, axes = np.linalg.eigh(np.cov(images.reshape(-1, 3).T))
    return images + axes[:, ::-1] @ (alpha * variances[::-1])


def mixup(
    x: np.ndarray, y: np.ndarray, other_x: np.ndarray, other_y: np.ndarray, fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """MixUp: interpolate two examples and their labels.

        x = l x_1 + (1 - l) x_2        y = l y_1 + (1 - l) y_2        l ~ Beta(a, a)

    Args:
        x: array, first example.
        y: array, its one-hot label.
        other_x: array, second example.
        other_y: array, its label.
        fraction: float, weight l of the first example.

    >>> x, y = np.array([[1.0], [3.0]]), np.eye(2)
    >>> [part.tolist() for part in mixup(x[0], y[0], x[1], y[1], 0.75)]
    [[1.5], [0.75, 0.25]]

    Reference: Zhang et al., 2018.
    """
    return fraction * x + (1 - fraction) * other_x, fraction * y + (1 - fraction) * other_y


def cutmix(
    x: np.ndarray,
    y: float | np.ndarray,
    other_x: np.ndarray,
    other_y: float | np.ndarray,
    box: tuple[int, int, int, int],
) -> tuple[np.ndarray, float | np.ndarray]:
    """CutMix: paste a rectangle of another image and mix the labels by its area.

        x = M x_1 + (1 - M) x_2        y = (1 - A) y_1 + A y_2        A = |box| / (H W)

    Args:
        x: array (height, width, channels), first image.
        y: array or float, its label.
        other_x: array like x, second image.
        other_y: array or float, its label.
        box: (left, top, right, bottom) of the rectangle in pixels.

    >>> x, y = cutmix(np.zeros((2, 2, 1)), 0.0, np.ones((2, 2, 1)), 1.0, box=(0, 0, 1, 2))
    >>> x[..., 0].tolist(), y
    ([[1.0, 0.0], [1.0, 0.0]], 0.5)

    Reference: Yun et al., 2019.
    """
    left, top, right, bottom = box
    mixed = x.copy()
    mixed[top:bottom, left:right] = other_x[top:bottom, left:right]
    fraction = (right - left) * (bottom - top) / (x.shape[0] * x.shape[1])
    return mixed, (1 - fraction) * y + fraction * other_y
