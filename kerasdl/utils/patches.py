"""Temporary replacements of attributes."""

import contextlib


@contextlib.contextmanager
def replaced(owner, name: str, value):
    """Replace an attribute of a module, class or object inside a `with` block.

    The attribute is set without the owner's own `__setattr__`, so Keras does not track the value.

    Args:
        owner: The module, class or object.
        name: str, name of an attribute that exists.
        value: What the attribute is inside the block.

    >>> import math
    >>> with replaced(math, "pi", 3):
    ...     print(math.pi)
    3
    """
    own = name in vars(owner)
    before = vars(owner)[name] if own else getattr(owner, name)
    set_attribute = type.__setattr__ if isinstance(owner, type) else object.__setattr__
    set_attribute(owner, name, value)
    try:
        yield
    finally:
        if own:
            set_attribute(owner, name, before)
        elif isinstance(owner, type):
            type.__delattr__(owner, name)
        else:
            del vars(owner)[name]
