"""The declaration of a layer, a network or a learner: how it is built, fed and trained."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

import kerasdl

NO_REFERENCE = "compared in its own tests, or no numbers are published"


@dataclasses.dataclass(frozen=True)
class No:
    """Why a property does not hold, and the error that its test must raise.

    Args:
        reason: The reason in words, for the table.
        error: The exception that the test of the property raises.
        match: A regular expression for its message, with the number that is too large.
    """

    reason: str
    error: type[Exception]
    match: str


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Subject:
    """A declared layer, network or learner, as every property of the matrix takes it.

    Args:
        name: Its name in the table, without spaces.
        kind: "layer", "network" or "learner".
        registered: The registered name that builds it; the class name of a layer.
        make: Function that returns a new, built model; its options override the declared ones.
        inputs: One batch: an array or a list of arrays.
        targets: The targets of that batch: an array, or a dictionary for several outputs;
            `None` for a learner that needs none.
        learning: Function from a function that makes an optimizer to the arguments of `compile`.
        layer: Function that returns the bare layer; `None` unless it is a layer.
        arguments: All declared arguments, none of which has its default value.
        values: Argument -> values to try in `tests/properties`, if those for the argument's name
            there do not fit.
        unusual: Options that only the round trip sets, so that no argument has its default.
        kept: Argument that the round trip leaves at its default -> the reason.
        another: Shape of an input of a second size.
        sized: Option that sets this shape, "input_shape" or "latent_dim"; `None` for none.
        still: Options that remove randomness from training; `None` if none can.
        counts: Registered name -> item of reference/counts.json; `None` if none is published.
        references: The fixtures `reference/network_*.npz` that its networks are compared with.
        parts: Function from the model to the models that are exported, by name.
        falls: The loss that must fall on one batch, and below which fraction of its first value.
        no: Property -> a `No`, with the reason and the error that its test must raise.
        not_applicable: Property -> the reason why it does not apply.
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
    """Declare a layer; `inputs` are its batches, one array for each input.

    The model has a Dense layer before each of the first `reached` inputs, which learns only if the
    layer passes the gradient on.
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


def network(name, options, inputs, targets, loss=None, own_loss=False, **others):
    """Declare a family by its tiny variant; without a `loss` it is a classifier.

    A network with its `own_loss` computes it itself. If the options make it a different network, a
    `title` replaces the name in the table.
    """

    def learning(optimizer):
        if own_loss:
            return {"optimizer": optimizer()}
        if loss:
            return {"optimizer": optimizer(), "loss": loss}
        entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        return {"optimizer": optimizer(), "loss": entropy, "metrics": [accuracy]}

    return _registered(name, "network", options, inputs, targets, learning, others)


def learner(name, options, inputs, learning, targets=None, **others):
    """Declare a learner; most take inputs without targets."""
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
