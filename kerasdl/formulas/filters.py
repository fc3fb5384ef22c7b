"""Classic image filters: kernels chosen by hand, where a network learns its own."""

import numpy as np

from kerasdl.formulas.convolution import BLUR, EDGE, SHARPEN, SOBEL_X, SOBEL_Y, filter_image


def template_strength(image: np.ndarray, template: np.ndarray) -> np.ndarray:
    """How well a pattern of +1 and -1 matches at each position, from -1 to 1.

        s[i, j] = (1 / m n) sum_uv X[i + u, j + v] T[u, v]

    For the loop of a handwritten 9, with one pixel off, the nine products -1 + 1 + 1 - 1 - 1 - 1 -
    1 + 1 + 1 sum to -1, which gives -0.11. The division by 9 belongs to this measure, not to
    convolution.

    Args:
        image: array (height, width) of +1 and -1.
        template: array (m, n) of +1 and -1.

    >>> loop = np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]])
    >>> float(template_strength(loop, loop)[0, 0]), float(template_strength(-loop, loop)[0, 0])
    (1.0, -1.0)
    """
    return filter_image(image, template) / template.size


def edges(image: np.ndarray) -> np.ndarray:
    """Edge filter: 0 where the image is flat, large in absolute value at an edge.

        y = 4 x - x_up - x_down - x_left - x_right

    Args:
        image: array (height, width).

    >>> edges(np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])), edges(np.full((3, 3), 9))
    (array([[60]]), array([[0]]))
    """
    return filter_image(image, EDGE)


def blur(image: np.ndarray) -> np.ndarray:
    """Box blur: the mean of each pixel and its eight neighbors.

        y = (1 / 9) sum x

    A flat image stays as it is.

    Args:
        image: array (height, width).

    >>> blur(np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])).round(3)
    array([[115.556]])
    """
    return filter_image(image, BLUR)


def sharpen(image: np.ndarray) -> np.ndarray:
    """Sharpening filter: the image plus its edges; the kernel sums to 1.

        y = x + edges(x)

    It is the opposite of a blur.

    Args:
        image: array (height, width).

    >>> sharpen(np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]]))
    array([[280]])
    """
    return filter_image(image, SHARPEN)


def sobel(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sobel filters: horizontal and vertical gradients and their magnitude.

        G_x = X * [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]    G_y = X * G_x's kernel^T
        |G| = sqrt(G_x^2 + G_y^2)

    Args:
        image: array (height, width).

    >>> [float(g[0, 0]) for g in sobel(np.array([[0, 0, 255]] * 3))]  # a vertical edge
    [1020.0, 0.0, 1020.0]
    """
    along, down = filter_image(image, SOBEL_X), filter_image(image, SOBEL_Y)
    return along, down, np.hypot(along, down)
