"""The declaration of a layer, a network or a learner: what it is, what it eats, how it learns."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

import kerasdl

NO_REFERENCE = "the tests of its own compare it, or nobody has published numbers"


@dataclasses.dataclass(frozen=True)
class No:
    """Why a property does not hold, and what happens when it is tested all the same.

    Args:
        reason: In words, for the table.
        error: The exception that the test of the property raises.
        match: A regular expression for its message, with the number that is too large.
    """

    reason: str
    error: type[Exception]
    match: str


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Subject:
    """What every property of the matrix needs to know.

    Args:
        name: How the table names it, without spaces.
        kind: "layer", "network" or "learner".
        registered: The registered name that it is made by; of a layer its class.
        make: Gives a new, built model; takes options over the declared ones.
        inputs: One batch, an array or a list of arrays.
        targets: What it should give for that batch: an array, or a dictionary for several outputs;
            `None` for a learner that needs none.
        learning: From a function that makes an optimizer to the arguments of `compile`.
        layer: Gives the bare layer, for a layer.
        arguments: Every argument that is declared with a value, which is not its default.
        values: Argument -> a list of values that it may have, for `tests/properties`, where the
            argument's name says something else there.
        unusual: Options that the round trip sets too, so that no argument has its default.
        kept: Argument that the round trip leaves at its default -> why.
        another: Shape of an input of a second size.
        sized: Option that takes this shape, "input_shape" or a vector's length; `None` for none.
        still: Options that take chance out of training; `None` where nothing can.
        counts: Registered name -> item of reference/counts.json, `None` where nobody published one.
        references: Registered names that `reference/network_*.npz` has outputs of.
        parts: From the model to those that are exported, by name.
        falls: Which loss must fall on one batch, and below which share of its first value.
        no: Property -> a `No`: why it does not hold, and the error that the matrix must meet.
        not_applicable: Property -> why the question makes no sense.
    """

    name: str
    kind: str
    registered: str
    make: Callable[..., keras.Model]
    inputs: np.ndarray | list
    targets: np.ndarray | dict | None
    learning: Callable[[Callable], dict]
    layer: Callable[[], keras.layers.Layer] | None = None
    arguments: dict = dataclasses.field(default_factory=dict)
    values: dict[str, list] = dataclasses.field(default_factory=dict)
    unusual: dict = dataclasses.field(default_factory=dict)
    kept: dict[str, str] = dataclasses.field(default_factory=dict)
    another: tuple | None = None
    sized: str | None = None
    still: dict | None = dataclasses.field(default_factory=dict)
    counts: dict = dataclasses.field(default_factory=dict)
    references: tuple[str, ...] = ()
    parts: Callable[[keras.Model], dict] = lambda model: {"": model}
    falls: tuple[str, float] = ("loss", 0.1)
    no: dict = dataclasses.field(default_factory=dict)
    not_applicable: dict = dataclasses.field(default_factory=dict)


def layer(cls, arguments, *inputs, reached=2, **others):
    """Declare a layer; `inputs` are one array for each.

    As a model it stands behind a Dense layer, which learns only if the gradient passes; so does
    each of several inputs, or the first `reached` of them.
    """

    def make(**over):
        symbols = [keras.Input(array.shape[1:]) for array in inputs]
        before = [keras.layers.Dense(symbol.shape[-1])(symbol) for symbol in symbols[:reached]]
        before += symbols[reached:]
        return keras.Model(one_or_all(symbols), cls(**arguments | over)(one_or_all(before)))

    def learning(optimizer):
        return {"optimizer": optimizer(), "loss": "mse"}

    targets = np.random.default_rng(1).random((len(inputs[0]), *make().output_shape[1:]), "float32")
    applicable = {
        "counts": "a layer is counted in its networks",
        "reference": NO_REFERENCE,
        **others.pop("not_applicable", {}),
    }
    return Subject(
        cls.__name__,
        "layer",
        cls.__name__,
        make,
        one_or_all(inputs),
        targets,
        learning,
        layer=lambda: cls(**arguments),
        arguments=arguments,
        falls=("loss", 0.9),  # its targets are random
        not_applicable=applicable,
        **others,
    )


def network(name, options, inputs, targets, loss=None, **others):
    """Declare a family by its tiny variant; without a loss it is a classifier.

    A variant that the options change beyond recognition gets a `title`.
    """

    def learning(optimizer):
        if loss:
            return {"optimizer": optimizer(), "loss": loss}
        entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        return {"optimizer": optimizer(), "loss": entropy, "metrics": [accuracy]}

    return _registered(name, "network", options, inputs, targets, learning, others)


def learner(name, options, inputs, learning, targets=None, **others):
    """Declare a learner; most see inputs alone."""
    return _registered(name, "learner", options, inputs, targets, learning, others)


def _registered(name, kind, options, inputs, targets, learning, others):
    def make(**over):
        return kerasdl.create_model(name, **options | over)

    reasons = {}
    if not any(others.get("counts", {}).values()):
        reasons["counts"] = "no count is published"
    if not others.get("references"):
        reasons["reference"] = NO_REFERENCE
    others["not_applicable"] = {**reasons, **others.get("not_applicable", {})}
    arguments = options | others.get("unusual", {})
    others = {"sized": "input_shape", "arguments": arguments, **others}
    title = others.pop("title", name)
    return Subject(title, kind, name, make, inputs, targets, learning, **others)


def one_or_all(items):
    return list(items) if len(items) > 1 else items[0]
