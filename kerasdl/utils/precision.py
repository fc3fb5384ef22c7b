"""Make layers that compute in another precision, such as half precision."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")  # in which recipes are trained


@contextlib.contextmanager
def under(policy: "str | keras.DTypePolicy | None") -> Iterator[None]:
    """Give the layers that are made inside a `with` block a dtype policy.

    Args:
        policy: str or `keras.DTypePolicy`; `None` keeps the global one.

    Example:
        >>> import keras
        >>> with under("mixed_bfloat16"):
        ...     layer = keras.layers.Dense(3)
        >>> layer.compute_dtype, layer.variable_dtype
        ('bfloat16', 'float32')
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if policy is None else policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
