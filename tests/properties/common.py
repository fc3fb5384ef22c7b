"""Valid and invalid values of arguments: declared ones, and usual ones by argument name."""

import re

import hypothesis
from hypothesis import strategies as st

from kerasdl.errors import InvalidInput

WRONG = [0, -1, 2.5, "3", None, True, (), (2, 0), [1, "a"], {}, float("nan"), float("inf"), b"x"]
INTEGERS = [1, 2, 3, 4, 5, 8]
SMALL = [1, 2, 3]
DIVISORS = [1, 2, 3, 4]
FRACTIONS = [0.0, 0.1, 0.5, 0.999]
NUMBERS = [1e-5, 0.5, 1, 2.0]
ACTIVATIONS = ["relu", "gelu", "tanh", "no_such"]
SHAPES = [(8, 8, 1), (4, 4, 1), (16, 8, 3), (3, 5, 2), (8, 8), (1, 1, 1), (8,), (None, None, 3)]
SHAPES += [(8, None, 1), (2, 2, 1), (32, 32, 1), (6, 6, 3)]
# usual values by argument name; the `values` of a declaration have precedence
USUAL = {
    **dict.fromkeys(("filters", "units", "width", "growth_rate", "hidden"), INTEGERS),
    **dict.fromkeys(("num_classes", "vocabulary_size", "latent_dim", "context"), INTEGERS),
    **dict.fromkeys(("se_ratio", "bottleneck", "dilation"), INTEGERS),
    **dict.fromkeys(("heads", "ratio", "patch_size", "groups"), DIVISORS),
    **dict.fromkeys(("strides", "depth", "start", "end", "pool_size", "kernel_size"), SMALL),
    **dict.fromkeys(("dropout", "label_smoothing", "compression"), FRACTIONS),
    **dict.fromkeys(("k", "alpha", "beta", "epsilon"), NUMBERS),
    **dict.fromkeys(("activation", "output_activation"), ACTIVATIONS),
    **dict.fromkeys(("input_shape", "image_shape"), SHAPES),
    "key_value_heads": [1, 2],
    "rotary_base": [2, 100.0],
    "size": [1, 2, 3, 5, 8, 9],
    "seed": [0, 1, 9],
    "norm": ["pre", "post"],
    "padding": ["same", "valid"],
    "shortcut": ["projection", "padding"],
    "stem": ["imagenet", "small"],
    "block": ["basic", "bottleneck"],
    "likelihood": ["gaussian", "bernoulli"],
    "depths": [(), (1,), (2, 1), (1, 2, 1)],
    "widths": [(), (2,), (8, 4), (2, 4, 8), (4, 4, 8, 8, 4)],
}


def right(subject, name):
    """Return valid values of an argument of a subject, including the declared one."""
    declared = [subject.arguments[name]] if name in subject.arguments else []
    if name in subject.values:
        return declared + subject.values[name]
    if declared and isinstance(declared[0], bool):
        return [True, False]
    usual = USUAL.get(name, [])
    # a name may have another meaning: `heads` is a tuple in one family
    alike = not declared or not usual or _kind(declared[0]) is _kind(usual[0])
    return declared + (usual if alike else [])


def _kind(value):
    kinds = {int: float, list: tuple}
    return kinds.get(type(value), type(value))


def options(subject, names, required=(), wrong=0.05):
    """Draw a value for each required name and some others; one in twenty is wrong."""
    values = {name: right(subject, name) for name in names}
    unknown = [name for name in required if not values[name]]
    assert not unknown, f"declare `values` of {unknown}"
    chosen = {name: one(known, wrong) for name, known in values.items() if known}
    needed = {name: chosen.pop(name) for name in required}
    return st.fixed_dictionaries(needed, optional=chosen)


def one(values, wrong):
    """Draw one of the values or, in a fraction `wrong` of the cases, one of `WRONG`."""
    return st.integers(0, 99).flatmap(
        lambda n: st.sampled_from(WRONG if n < 100 * wrong else values)
    )


def check_message(error: InvalidInput):
    """Check that a message has three parts in one line."""
    assert re.fullmatch(r"Invalid .+\. Expected .+\. Received: .*", str(error)), str(error)


def settings(max_examples):
    """Return settings that draw the same examples in every run."""
    return hypothesis.settings(
        max_examples=max_examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
