"""Augment a whole batch of images at once, repeatably.

The k-th random number of an example is a hash of (seed, epoch, row in the dataset, k). So the
result does not depend on the batch size or on workers, and a resumed run gets the same images as
an uninterrupted one.
"""

import math
from typing import Any

import tensorflow as tf

from kerasdl.data.images import to_unit
from kerasdl.data.policies import Policy

MASK = 0xFFFFFFFF
LUMA = (0.299, 0.587, 0.114)
ROLES = {"mask": "mask", "boxes": "boxes"}


def uniform(seed: int, epoch, rows, count: int) -> tf.Tensor:
    """Return `count` numbers in [0, 1) for each row, (rows, count), as a function of the arguments.

    The finalizer of MurmurHash3 is applied after each argument in turn, so that every bit of the
    input changes every bit of the output.
    """
    state = _mix(tf.cast(seed, "int64"))
    state = _mix(state + tf.cast(epoch, "int64") * 0x9E3779B1)
    state = _mix(state + tf.cast(rows, "int64") * 0x85EBCA77)  # (rows,)
    state = _mix(state[:, None] + (tf.range(count, dtype="int64") + 1) * 0xC2B2AE3D)
    return tf.cast(_shift(state, 8), "float32") / 2**24  # a float holds 24 bits


def _mix(state):
    state &= MASK
    state = (state ^ _shift(state, 16)) * 0x85EBCA6B & MASK
    state = (state ^ _shift(state, 13)) * 0xC2B2AE35 & MASK
    return state ^ _shift(state, 16)


def _shift(state, bits):
    return tf.bitwise.right_shift(state, tf.constant(bits, "int64"))


def augment(
    images, targets, *, policy: Policy, seed: int, epoch, rows, roles: Any = ROLES
) -> tuple:
    """Augment a batch of images; masks and boxes among the targets move with them.

    Args:
        images: (batch, height, width, channels), bytes or floats in [0, 1].
        targets: Targets of the batch.
        policy: `Policy`, what to change.
        seed: int, the run's seed.
        epoch: The epoch, an integer or a tensor.
        rows: Rows of the images in their dataset, (batch,).
        roles: The role of each target, nested like the targets: "mask" and "boxes" are moved. See
            `kerasdl.data.kinds.Kind.roles`.

    Returns:
        The images, in [0, 1], and the targets.
    """
    draws = uniform(seed, epoch, rows, 10)
    size = tuple(images.shape[1:3])
    transforms = _transforms(policy, draws, size)
    # mirrored edges would show objects again that have no box, and that the mask lacks
    shift = policy.shift and _has_places(targets, roles)
    smooth = bool(policy.rotate or policy.zoom or shift)
    if policy.shift or policy.flip or smooth:
        images = _warp(to_unit(images), transforms) if smooth else _pick(images, transforms)
        targets = _move(targets, roles, transforms, size)
    images = to_unit(images)
    if policy.brightness or policy.contrast or policy.saturation:
        images = _change_colors(images, policy, draws[:, 5:8])
    if policy.erase:
        images = _erase(images, policy.erase, draws[:, 8:10])
    return images, targets


def _transforms(policy, draws, size):
    """Return the input position of each output pixel, (batch, 8).

    x' = a x + b y + c,  y' = d x + e y + f
    """
    height, width = size
    signed = 2 * draws - 1
    angle = signed[:, 0] * policy.rotate * math.pi / 180
    scale = 1 + signed[:, 1] * policy.zoom
    flip = tf.where(draws[:, 2] < 0.5, -1.0, 1.0) if policy.flip else tf.ones_like(angle)
    right, down = signed[:, 3] * policy.shift * width, signed[:, 4] * policy.shift * height
    if not (policy.rotate or policy.zoom):
        right, down = tf.round(right), tf.round(down)
    a, b = scale * flip * tf.cos(angle), -scale * tf.sin(angle)
    d, e = scale * flip * tf.sin(angle), scale * tf.cos(angle)
    x, y = (width - 1) / 2, (height - 1) / 2  # the center moves only by the shift
    c, f = x - a * x - b * y + right, y - d * x - e * y + down
    zero = tf.zeros_like(a)
    return tf.stack([a, b, c, d, e, f, zero, zero], axis=1)


def _pick(images, transforms):
    """Shift by whole pixels and flip, with mirrored edges, by one gather."""
    height, width = images.shape[1:3]
    a, c, f = (transforms[:, i : i + 1] for i in (0, 2, 5))
    columns = tf.cast(tf.round(a * tf.range(width, dtype="float32") + c), "int32")
    rows = tf.cast(tf.range(height, dtype="float32") + f, "int32")
    batch = tf.range(tf.shape(images)[0])[:, None, None]
    found = batch * height + _mirror(rows, height)[:, :, None]
    found = found * width + _mirror(columns, width)[:, None, :]
    return tf.gather(tf.reshape(images, (-1, images.shape[-1])), found)


def _mirror(positions, size):
    positions = tf.abs(positions)
    return tf.maximum(size - 1 - tf.abs(size - 1 - positions), 0)


def _warp(images, transforms, interpolation="BILINEAR"):
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=images.shape[1:3],
        fill_value=0.0,
        interpolation=interpolation,
        fill_mode="CONSTANT",
    )


def _has_places(targets, roles):
    """Return whether masks or boxes are among the targets."""
    if isinstance(targets, dict):
        return any(_has_places(part, roles.get(name)) for name, part in targets.items())
    return isinstance(roles, str) and roles in ROLES


def _move(targets, roles, transforms, size):
    """Move masks and boxes with their images."""
    if isinstance(targets, dict):
        return {n: _move(part, roles.get(n), transforms, size) for n, part in targets.items()}
    if roles == "mask":
        return _warp(targets[..., None], transforms, "NEAREST")[..., 0]
    if roles == "boxes":
        return _move_boxes(targets, transforms, size)
    return targets


def _move_boxes(boxes, transforms, size):
    """Return the upright box around each moved box, clipped: (x1, y1, x2, y2) in [0, 1].

    Boxes that lie outside become zeros, as rows without an object are.
    """
    height, width = size
    a, b, c, d, e, f = (transforms[:, i, None, None] for i in range(6))
    # edges of pixels are half a pixel from their centers
    x = tf.gather(boxes, [0, 2, 0, 2], axis=-1) * width - 0.5 - c  # (batch, objects, 4 corners)
    y = tf.gather(boxes, [1, 1, 3, 3], axis=-1) * height - 0.5 - f
    determinant = a * e - b * d
    u = ((e * x - b * y) / determinant + 0.5) / width
    v = ((a * y - d * x) / determinant + 0.5) / height
    corners = [end(part, axis=-1) for end in (tf.reduce_min, tf.reduce_max) for part in (u, v)]
    moved = tf.clip_by_value(tf.stack(corners, axis=-1), 0.0, 1.0)
    inside = tf.reduce_all(moved[..., 2:] > moved[..., :2], axis=-1, keepdims=True)
    is_object = tf.reduce_any(boxes > 0, axis=-1, keepdims=True)
    return tf.where(is_object & inside, moved, tf.zeros_like(boxes))


def _change_colors(images, policy, draws):
    """Change brightness, contrast and saturation by one linear map of an image's colors.

    y = brightness (contrast (saturation x + (1 - saturation) gray(x) - m) + m)    m = mean gray
    """
    amounts = (policy.brightness, policy.contrast, policy.saturation)
    brightness, contrast, saturation = tf.unstack(1 + (2 * draws - 1) * amounts, axis=1)
    mean = tf.reduce_mean(images, axis=[1, 2])  # (batch, channels)
    if images.shape[-1] == 3:
        gray = tf.tile(tf.constant(LUMA)[:, None], (1, 3))
        matrix = saturation[:, None, None] * tf.eye(3) + (1 - saturation)[:, None, None] * gray
        mean = tf.tensordot(mean, tf.constant(LUMA), 1)[:, None]
    else:
        matrix = tf.eye(images.shape[-1], batch_shape=tf.shape(mean)[:1])
    matrix *= (brightness * contrast)[:, None, None]
    offset = (brightness * (1 - contrast))[:, None] * mean  # (batch, 1 or channels)
    shape = tf.shape(images)
    pixels = tf.reshape(images, (shape[0], -1, images.shape[-1]))
    pixels = tf.clip_by_value(tf.matmul(pixels, matrix) + offset[:, None], 0.0, 1.0)
    return tf.ensure_shape(tf.reshape(pixels, shape), images.shape)


def _erase(images, fraction, draws):
    """Put a gray square on each image, with its center anywhere."""
    inside = True
    for axis, size in enumerate(images.shape[1:3]):
        center = draws[:, axis : axis + 1] * size
        near = tf.abs(tf.range(size, dtype="float32") + 0.5 - center) < fraction * size / 2
        inside = near[:, :, None, None] if axis == 0 else inside & near[:, None, :, None]
    return tf.where(inside, 0.5, images)
