"""Signed distances to the outlines of shapes in the unit circle: negative inside, radius 1."""

import numpy as np


def circle(x, y):
    return np.hypot(x, y) - 0.9


def square(x, y):
    return np.maximum(abs(x), abs(y)) - 0.7


def triangle(x, y):
    # the intersection of three half-planes, with the tip up
    return np.maximum(y, np.sqrt(3) / 2 * abs(x) - y / 2) - 0.5


def star(x, y):
    # five tips at radius 1, with dents at radius 0.42 between them
    angle = np.pi / 5
    turned = abs((np.arctan2(x, -y) + angle) % (2 * angle) - angle)
    length = np.hypot(x, y)
    u, v = length * np.cos(turned), length * np.sin(turned)
    tip, dent = np.array([1.0, 0.0]), 0.42 * np.array([np.cos(angle), np.sin(angle)])
    normal = np.array([dent[1], tip[0] - dent[0]]) / np.hypot(dent[1], tip[0] - dent[0])
    return (u - tip[0]) * normal[0] + v * normal[1]


def cross(x, y):
    first = np.maximum(abs(x) - 0.9, abs(y) - 0.28)
    second = np.maximum(abs(x) - 0.28, abs(y) - 0.9)
    return np.minimum(first, second)


def line(x, y, x1, y1, x2, y2):
    """Return the distance to the line segment from (x1, y1) to (x2, y2)."""
    dx, dy = x2 - x1, y2 - y1
    along = np.clip(((x - x1) * dx + (y - y1) * dy) / (dx**2 + dy**2 + 1e-12), 0, 1)
    return np.hypot(x - x1 - along * dx, y - y1 - along * dy)


DISTANCES = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "cross": cross,
}
