"""The one error for input that cannot be used: what is invalid, what was expected, what came."""


class InvalidInput(ValueError):
    """Something that the caller gave is wrong. The command line shows it in one line.

    Args:
        subject: What is invalid, such as "value for argument `ratio`".
        expected: What would have been right.
        received: What came.

    >>> print(InvalidInput("value for `epochs`", "a positive integer", -1))
    Invalid value for `epochs`. Expected a positive integer. Received: -1
    """

    _keras_call_info_injected = True  # keeps Keras from rewording what a `call` raises

    def __init__(self, subject, expected, received):
        super().__init__(f"Invalid {subject}. Expected {expected}. Received: {received}")


def one_of(subject, name, names):
    """Raise unless `name` is among `names`; suggest the ones that look like it."""
    if isinstance(name, str) and name in names:
        return
    import difflib

    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.4)
    hint = f"one of {', '.join(near)}" if near else f"one of {', '.join(sorted(names))}"
    raise InvalidInput(subject, hint, name)
