"""Cut the same number of features out of boxes of any size.

`tf.image.crop_and_resize` does so, too, but cannot be stored in a LiteRT file without TensorFlow's
own operators.
"""

from keras import ops

from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


def align(maps: Tensor, boxes: Tensor, size: int = 7, samples: int = 2) -> Tensor:
    """Interpolate a grid of features in each box (RoI align).

    A box is divided into size x size cells, and the value of a cell is the mean of samples x
    samples points in it, between whose four neighboring features the values are interpolated:

        y = sum_ij max(1 - |u - i|, 0) max(1 - |v - j|, 0) x_ij        at row u and column v

    Positions are not rounded, so a box that moves by a fraction of a feature gets other values.
    Points outside the map get the features of its border.

    Args:
        maps: tensor (batch, height, width, channels).
        boxes: tensor (batch, boxes, 4), fractions of the map's width and height.
        size: int, cells of a side.
        samples: int, points of a side of a cell.

    Returns:
        Tensor (batch, boxes, size, size, channels).

    Example:
        >>> slope = ops.reshape(ops.arange(4, dtype="float32"), (1, 1, 4, 1))  # 0 1 2 3
        >>> align(slope, ops.convert_to_tensor([[[0.25, 0.0, 0.75, 1.0]]]), size=2)[0, 0, 0, :, 0]
        <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>

    Reference: He et al. (2017), Mask R-CNN.
    """
    checks.integers(size=size, samples=samples)
    height, width, channels = maps.shape[1:]
    boxes = ops.cast(boxes, maps.dtype)
    count = boxes.shape[1]
    rows = _weights(boxes[..., 1], boxes[..., 3], height, size, samples)
    columns = _weights(boxes[..., 0], boxes[..., 2], width, size, samples)
    # (batch, boxes size, height) (batch, height, width channels)
    cut = ops.matmul(
        ops.reshape(rows, (-1, count * size, height)),
        ops.reshape(maps, (-1, height, width * channels)),
    )
    cut = ops.reshape(cut, (-1, count, size, width, channels))
    return ops.matmul(columns[:, :, None], cut)


def paste(masks: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Put masks of boxes into the image: the inverse of `align` for the mask of a box.

    Between the pixels of a mask the values are interpolated; outside its box they are zero.

    Args:
        masks: tensor (batch, boxes, rows, columns).
        boxes: tensor (batch, boxes, 4), fractions of the image's width and height.
        size: tuple (height, width) of the image.

    Returns:
        Tensor (batch, boxes, height, width).

    Example:
        >>> mask = ops.convert_to_tensor([[[[0.0, 1.0]]]])
        >>> box = ops.convert_to_tensor([[[0.25, 0.0, 0.75, 1.0]]])
        >>> paste(mask, box, (1, 8)).numpy().ravel().tolist()
        [0.0, 0.0, 0.0, 0.25, 0.75, 1.0, 0.0, 0.0]
    """
    checks.integer_tuples(length=2, size=size)
    masks, boxes = (ops.cast(part, "float32") for part in (masks, boxes))
    rows = _pasted(boxes[..., 1], boxes[..., 3], masks.shape[2], size[0])
    columns = _pasted(boxes[..., 0], boxes[..., 2], masks.shape[3], size[1])
    return ops.matmul(ops.matmul(rows, masks), ops.swapaxes(columns, -1, -2))


def _pasted(first, last, length, size):
    """Return how much each row of a mask counts in each row of the image.

    The shape is (batch, boxes, size, length).
    """
    first, last = first[..., None], last[..., None]
    points = (ops.arange(size, dtype="float32") + 0.5) / size  # the centers of the pixels
    inside = ops.logical_and(points > first, points < last)
    at = (points - first) / ops.maximum(last - first, 1e-6) * length - 0.5
    at = ops.clip(at, 0, length - 1)
    near = ops.relu(1 - ops.abs(at[..., None] - ops.arange(length, dtype="float32")))
    return ops.where(inside[..., None], near, 0.0)


def _weights(first, last, length, size, samples):
    """Return how much each row of a map counts in each row of cells.

    The shape is (batch, boxes, size, length).
    """
    points = (ops.arange(size * samples, dtype=first.dtype) + 0.5) / (size * samples)
    at = first[..., None] + points * (last - first)[..., None]
    at = ops.clip(at * length - 0.5, 0, length - 1)  # the first feature's center is 0
    near = ops.relu(1 - ops.abs(at[..., None] - ops.arange(length, dtype=first.dtype)))
    shape = (-1, first.shape[1], size, samples, length)
    return ops.mean(ops.reshape(near, shape), axis=3)
