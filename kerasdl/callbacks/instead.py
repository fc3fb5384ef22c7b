"""Another function or value for a while."""

import contextlib


@contextlib.contextmanager
def instead(thing, name, value):
    """Within it, what is asked of `thing` by this name is `value`."""
    known = name in vars(thing)
    before = getattr(thing, name)
    object.__setattr__(thing, name, value)
    try:
        yield
    finally:
        if known:
            object.__setattr__(thing, name, before)
        else:
            del vars(thing)[name]
