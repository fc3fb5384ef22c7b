"""Filters made by hand: what one small kernel looks for. A network learns its own instead."""

import numpy as np

from kerasdl.formulas.convolution import BLUR, EDGE, SHARPEN, SOBEL_X, SOBEL_Y, filter_image


def template_strength(image, template):
    """How much of a pattern of +1 and -1 is at each place: 1 where all of it is, -1 for its
    negative.

        s[i, j] = (1 / m n) sum_uv X[i + u, j + v] T[u, v]

    The notes work it out for the loop of a 9 but drop one of the nine terms: what they add up is 0,
    and -1 + 1 + 1 - 1 - 1 - 1 - 1 + 1 + 1 = -1 gives their -0.11. The division by 9 belongs to this
    strength, not to convolution.

    Spec: CNO-04, CNO-06, E-06, E-07

    >>> loop = np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]])
    >>> float(template_strength(loop, loop)[0, 0]), float(template_strength(-loop, loop)[0, 0])
    (1.0, -1.0)
    """
    return filter_image(image, template) / template.size


def edges(image):
    """How far each pixel is from its four neighbours: 0 where the image is flat, much at an edge.

        y = 4 x - x_up - x_down - x_left - x_right

    The notes read it the other way round, 0 as a sure boundary: it is a sure absence of one.

    Spec: CNO-07, E-05

    >>> edges(np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])), edges(np.full((3, 3), 9))
    (array([[60]]), array([[0]]))
    """
    return filter_image(image, EDGE)


def blur(image):
    """The mean of a pixel and its eight neighbours; a flat image stays as it is.

        y = (1 / 9) sum x

    Spec: CNO-09, E-20

    >>> blur(np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])).round(3)
    array([[115.556]])
    """
    return filter_image(image, BLUR)


def sharpen(image):
    """The image and its edges: a kernel whose sum is 1.

        y = x + edges(x)

    The notes list it among those that blur; it does the opposite.

    Spec: CNO-10, E-20

    >>> sharpen(np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]]))
    array([[280]])
    """
    return filter_image(image, SHARPEN)


def sobel(image):
    """Slopes along the rows and down the columns, each smoothed across, and their length.

        G_x = X * [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]    G_y = X * G_x's kernel^T
        |G| = sqrt(G_x^2 + G_y^2)

    The notes name the two but have lost their numbers: what stands there are pixels.

    Spec: CNO-08, E-21

    >>> [float(g[0, 0]) for g in sobel(np.array([[0, 0, 255]] * 3))]  # a vertical edge
    [1020.0, 0.0, 1020.0]
    """
    along, down = filter_image(image, SOBEL_X), filter_image(image, SOBEL_Y)
    return along, down, np.hypot(along, down)
