"""Split an image into windows that do not overlap, and join them again."""

from keras import ops

from kerasdl.errors import InvalidInput


def check(layer, shape):
    """Check that windows of `pool_size` tile an image."""
    sides = shape[1:3]
    if any(side and side % layer.pool_size for side in sides):
        expected = f"a divisor of the image's sides {tuple(sides)}"
        raise InvalidInput("value for argument `pool_size`", expected, layer.pool_size)


def check_kernel(layer, shape, padding: str = "valid"):
    """Check that a kernel of `kernel_size` fits into an unpadded image."""
    kernel = layer.kernel_size
    kernel = kernel if isinstance(kernel, (tuple, list)) else (kernel, kernel)
    sides = shape[1:3]
    if padding == "valid" and any(s and s < k for s, k in zip(sides, kernel, strict=True)):
        expected = f"at most the image's sides {tuple(sides)}"
        raise InvalidInput("value for argument `kernel_size`", expected, layer.kernel_size)


def split(images, size: int):
    """(batch, height, width, channels) -> (batch, rows, columns, size^2, channels)

    Pixels after the last whole window are cut off, as pooling does.
    """
    _, height, width, channels = images.shape
    rows = (ops.shape(images)[1] if height is None else height) // size
    columns = (ops.shape(images)[2] if width is None else width) // size
    if any(side is None or side % size for side in (height, width)):
        images = images[:, : rows * size, : columns * size]
    tiles = ops.reshape(images, (-1, rows, size, columns, size, channels))
    tiles = ops.transpose(tiles, (0, 1, 3, 2, 4, 5))
    return ops.reshape(tiles, (-1, rows, columns, size * size, channels))


def join(tiles, size: int):
    """Undo `split`."""
    _, rows, columns, _, channels = tiles.shape
    rows = ops.shape(tiles)[1] if rows is None else rows
    columns = ops.shape(tiles)[2] if columns is None else columns
    tiles = ops.reshape(tiles, (-1, rows, columns, size, size, channels))
    tiles = ops.transpose(tiles, (0, 1, 3, 2, 4, 5))
    return ops.reshape(tiles, (-1, rows * size, columns * size, channels))


def smaller(shape, size):
    """Return the shape of a map with one number for each window."""
    batch, height, width, channels = shape
    return (batch, height and height // size, width and width // size, channels)


def larger(shape, size):
    """Return the shape of a map with a window for each number."""
    batch, rows, columns, channels = shape
    return (batch, rows and rows * size, columns and columns * size, channels)
