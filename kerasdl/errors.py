"""The error for invalid input: what is invalid, what was expected and what was received."""

from collections.abc import Collection

FEW = 12  # names that a message lists


class InvalidInput(ValueError):
    """An input of the caller is invalid. The command line prints the message in one line.

    Args:
        subject: What is invalid, such as "value for argument `ratio`".
        expected: What is valid.
        received: The invalid value.

    >>> print(InvalidInput("value for `epochs`", "a positive integer", -1))
    Invalid value for `epochs`. Expected a positive integer. Received: -1
    """

    _keras_call_info_injected = True  # so that Keras does not add to the errors of a `call`

    def __init__(self, subject: str, expected: str, received: object):
        super().__init__(f"Invalid {subject}. Expected {expected}. Received: {received}")


def one_of(subject: str, name: object, names: Collection[str], lister: str = ""):
    """Raise `InvalidInput` unless `name` is one of `names`.

    The message lists all names if they are few; otherwise it suggests names with similar spelling.

    Args:
        subject: str, the kind of the name, such as "recipe name".
        name: The caller's value.
        names: The names that exist.
        lister: str, a command or call that lists them all.

    >>> one_of("norm", "befor", ("before", "after"))
    Traceback (most recent call last):
    kerasdl.errors.InvalidInput: Invalid norm. Expected one of after, before. Received: befor
    """
    if isinstance(name, str) and name in names:
        return
    listed = sorted(map(str, names))
    if len(listed) <= FEW:
        raise InvalidInput(subject, f"one of {', '.join(listed)}", name)
    import difflib

    expected = f"one of {len(listed)} names"
    near = difflib.get_close_matches(str(name), listed, n=3, cutoff=0.6)
    near = [each for each in listed if str(name) and str(name) in each][:3] or near
    notes = [f"did you mean {' or '.join(near)}?"] if near else []
    notes += [f"`{lister}` lists them"] if lister else [] if near else [f"such as {listed[0]}"]
    raise InvalidInput(subject, f"{expected} ({'; '.join(notes)})", name)
