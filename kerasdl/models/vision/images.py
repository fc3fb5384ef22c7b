"""What the networks of this folder ask of the images they are given."""

from kerasdl import checks, errors


def check(input_shape, smallest, any_size=False):
    """Refuse a shape that is not (height, width, channels), or images that would shrink to nothing.

    Args:
        input_shape: What the user asked for.
        smallest: Pixels a side that the network needs.
        any_size: Whether height and width may be `None`, to be known with each batch.
    """
    checks.arguments(input_shape=input_shape)
    shape = tuple(input_shape)
    *size, channels = shape if len(shape) == 3 else (0, 0, None)
    big_enough = all(any_size if n is None else n >= smallest for n in size)
    if channels is None or not big_enough:
        either = " or None" if any_size else ""
        expected = f"(height, width, channels), height and width at least {smallest}{either}"
        raise errors.InvalidInput("value for argument `input_shape`", expected, input_shape)
