"""What a model and its loss are made of, as far as can be told from outside."""

import functools

import keras

# what gives inputs that are no numbers a place: a token, a category
LOOKUPS = ("Embedding", "CategoryEncoding", "Hashing", "IntegerLookup", "StringLookup")
PASSING = ("Flatten", "Reshape", "Dropout", "Identity")  # they leave values as they are
PROBABLE = {"linear": False, "sigmoid": True, "hard_sigmoid": True, "softmax": True}


def leaves(model) -> list:
    """Its layers that hold no others, in the order in which they were made."""
    every = model._flatten_layers(include_self=False)
    found = (layer for layer in every if not isinstance(layer, keras.layers.InputLayer))
    return [layer for layer in found if not list(layer._flatten_layers(include_self=False))]


def first(model):
    """The first layer that has weights of its own, apart from normalisation."""
    found = (layer for layer in leaves(model) if layer.weights)
    return next((layer for layer in found if type(layer).__name__ != "Normalization"), None)


def counts(model) -> bool:
    """Whether integers that it gets are numbers, as pixels are, and not names, as tokens are."""
    layer = first(model)
    named = any(type(leaf).__name__ in LOOKUPS for leaf in leaves(model))
    return layer is not None and type(layer).__module__.startswith("keras.") and not named


def given(model, inputs):
    """What the first layer with weights is given; `None` if it is never called by itself."""
    layer, seen = first(model), []
    if layer is None:
        return None
    call = layer.call

    @functools.wraps(call)
    def watched(*args, **kwargs):
        seen.append(args[0] if args else None)
        return call(*args, **kwargs)

    vars(layer)["call"] = watched
    try:
        model(inputs, training=False)
    finally:
        del vars(layer)["call"]
    return keras.ops.convert_to_numpy(seen[0]) if seen and hasattr(seen[0], "shape") else None


def loss_name(loss) -> str:
    """Its name and those of the classes it is made from, in small letters without underscores."""
    loss = keras.losses.get(loss) if isinstance(loss, str) else getattr(loss, "func", loss)
    names = [getattr(loss, "__name__", "")] + [kind.__name__ for kind in type(loss).__mro__]
    return " ".join(names).lower().replace("_", "")


def takes_logits(loss) -> bool | None:
    """`None` where it cannot be told, or where a loss takes neither logits nor probabilities."""
    if isinstance(loss, keras.losses.Loss):
        return loss.get_config().get("from_logits")
    options = getattr(loss, "keywords", {})  # of a functools.partial
    function = keras.losses.get(loss) if isinstance(loss, str) else getattr(loss, "func", loss)
    if isinstance(function, keras.losses.Loss):  # by the name of its class
        return takes_logits(function)
    if not getattr(function, "__module__", "").startswith("keras."):
        return None
    return options.get("from_logits", False) if "crossentropy" in loss_name(loss) else None


def activations(model) -> list[str]:
    """Of its only output, the last first, down to a layer with weights; empty where unknown."""
    outputs, names = getattr(model, "outputs", None) or [], []
    for made in _makers(outputs[0]) if len(outputs) == 1 else []:
        if not _passes(made):
            names.append(_activation(made))
        if getattr(made, "weights", None):
            break
    return names


def _makers(tensor):
    """Layers and operations that a tensor comes from, the last first, along first inputs."""
    while history := getattr(tensor, "_keras_history", None):
        made = history.operation
        if isinstance(made, keras.Model) and getattr(made, "outputs", None):
            yield from _makers(made.outputs[history.tensor_index])
        else:
            yield made
        before = made._inbound_nodes[history.node_index].input_tensors
        tensor = before[0] if before else None


def _passes(made):
    named = type(made).__name__
    linear = named == "Activation" and _activation(made) == "linear"
    return linear or named in (*PASSING, "InputLayer")


def _activation(made):
    activation = getattr(made, "activation", None)
    return getattr(activation, "__name__", "") or type(made).__name__.lower()
