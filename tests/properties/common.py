"""Values that are right and values that are not, by the name of an argument."""

import re

import hypothesis
from hypothesis import strategies as st

from kerasdl.errors import InvalidInput

WRONG = [0, -1, 2.5, "3", None, True, (), (2, 0), [1, "a"], {}, float("nan"), float("inf"), b"x"]
INTEGERS = st.integers(1, 8)
DIVISORS = st.sampled_from([1, 2, 4, 3])
SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.999])
NUMBERS = st.sampled_from([1e-5, 0.5, 1, 2.0])
FLAGS = st.booleans()
ACTIVATIONS = st.sampled_from(["relu", "gelu", "gelu_tanh", "tanh", "no_such"])
SHAPES = st.sampled_from([(8, 8, 1), (4, 4, 1), (16, 8, 3), (3, 5, 2), (8, 8), (1, 1, 1), (8,)])
SHAPES |= st.sampled_from([(None, None, 3), (8, None, 1), (2, 2, 1), (32, 32, 1), (6, 6, 3)])
RIGHT = {
    **dict.fromkeys(("filters", "units", "width", "growth_rate"), INTEGERS),
    **dict.fromkeys(("heads", "ratio", "patch_size", "groups"), DIVISORS),
    **dict.fromkeys(("hidden", "num_classes", "vocabulary_size", "latent_dim"), INTEGERS),
    **dict.fromkeys(("context", "se_ratio", "bottleneck"), INTEGERS),
    **dict.fromkeys(
        ("strides", "depth", "start", "end", "pool_size", "kernel_size"), st.integers(1, 3)
    ),
    **dict.fromkeys(("dropout", "label_smoothing", "compression"), SHARES),
    **dict.fromkeys(("k", "alpha", "beta", "epsilon"), NUMBERS),
    **dict.fromkeys(("causal", "batch_normalization"), FLAGS),
    **dict.fromkeys(("activation", "output_activation"), ACTIVATIONS),
    **dict.fromkeys(("input_shape", "image_shape"), SHAPES),
    "size": st.integers(1, 9),
    "seed": st.integers(0, 9),
    "norm": st.sampled_from(["pre", "post"]),
    "shortcut": st.sampled_from(["projection", "padding"]),
    "stem": st.sampled_from(["imagenet", "small"]),
    "block": st.sampled_from(["basic", "bottleneck"]),
    "likelihood": st.sampled_from(["gaussian", "bernoulli"]),
    "depths": st.lists(st.integers(1, 2), max_size=3).map(tuple),
    "widths": st.lists(st.sampled_from([2, 4, 8]), max_size=5).map(tuple),
}


def options(names, required=(), wrong=0.05):
    """For each name a value, one in twenty of them wrong; not for all that are not required."""
    unknown = set(required) - set(RIGHT)
    assert not unknown, f"tell in RIGHT what {unknown} may be"
    names = [name for name in names if name in RIGHT]
    sparse = st.integers(0, 99).flatmap
    chosen = {
        name: sparse(
            lambda n, name=name: st.sampled_from(WRONG) if n < 100 * wrong else RIGHT[name]
        )
        for name in names
    }
    needed = {name: chosen.pop(name) for name in required}
    return st.fixed_dictionaries(needed, optional=chosen)


def check_message(error: InvalidInput):
    """Three parts in one line."""
    assert re.fullmatch(r"Invalid .+\. Expected .+\. Received: .*", str(error)), str(error)


def settings(max_examples):
    """The same examples in every run."""
    return hypothesis.settings(
        max_examples=max_examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
