"""Compare whole networks with those of other libraries, given the same weights."""

import pathlib

import keras
import numpy as np

import kerasdl
from tests.reference import network_weights

FOLDER = pathlib.Path(__file__).parents[1] / "reference"
TOLERANCE = 1e-4  # the fixtures themselves differ from float64 by up to 1e-5
REGISTERED = {  # name of a fixture -> our name and options, where the names differ
    "googlenet": ("googlenet_bn", {}),
    "convnext_tiny": ("convnext_t", {}),
    "vit_b_16_depth2": ("vit_b16", {"depth": 2}),
}


def references(subject, folder):
    """Logits and feature maps at every stride equal those of another library."""
    return f"{max(map(largest_error, subject.references)):.0e}"


def largest_error(name):
    """Check that a network differs from its fixture by rounding errors; return the largest."""
    fixture = np.load(FOLDER / f"network_{name}.npz")
    prefixes = [p for p in ("full_", "odd_") if f"{p}logits" in fixture]
    prefixes += [] if "full_" in prefixes else [""]
    shape = (
        (None, None, 3) if "odd_" in prefixes else fixture[f"{prefixes[0]}input_shape"][[2, 3, 1]]
    )
    registered, options = REGISTERED.get(name, (name, {}))
    shape = tuple(n and int(n) for n in shape)
    model = kerasdl.create_model(registered, input_shape=shape, **options)
    give_weights(model, fixture)
    levels = model.pyramid
    if fixture["names"][0] == "class_token":  # its levels are sequences with that token
        levels = dict.fromkeys(levels, model.get_layer("norm").output)
    outputs = keras.Model(model.input, {"logits": model.output, "levels": levels})
    error = 0.0
    for prefix in prefixes:
        images = network_weights.images(fixture[f"{prefix}input_shape"])
        found = outputs.predict_on_batch(images.transpose(0, 2, 3, 1))
        pairs = [(found["logits"], fixture[f"{prefix}logits"])]
        for i, stride in enumerate(fixture["level_strides"].tolist()):
            if stride in fixture["level_strides"][i + 1 :]:
                continue  # a later map has this stride
            ours = found["levels"][stride]
            ours = ours.transpose(0, 3, 1, 2) if ours.ndim == 4 else ours
            shape = "x".join(map(str, ours.shape))
            assert shape == str(fixture[f"{prefix}level_shapes"][i]), (name, stride)
            flat = ours.ravel().astype("float64")
            probe = np.sum(flat * np.cos(0.37 * np.arange(flat.size))) / np.sqrt(flat.size)
            pairs += [
                (flat[:8], fixture[f"{prefix}level_first8"][i]),
                (flat.mean(), fixture[f"{prefix}level_mean"][i]),
                (flat.std(), fixture[f"{prefix}level_std"][i]),
                (probe, fixture[f"{prefix}level_probe"][i]),
            ]
        error = max([error, *(np.abs(ours - theirs).max() for ours, theirs in pairs)])
    assert error < TOLERANCE, f"{name} differs by {error:.0e}"
    return error


def give_weights(model, fixture):
    """Load the weights of a fixture, which lists them in PyTorch's order, into a network."""
    theirs = network_weights.network_weights(fixture)
    kinds = dict(zip(fixture["names"].tolist(), fixture["kinds"].tolist(), strict=True))
    theirs = [(weight, kinds[name]) for name, weight in theirs.items()]
    if fixture["names"][0] == "class_token":  # ours comes after the embedding of patches
        token, *embedding = theirs[:3]
        theirs[:3] = [*embedding, token]
    theirs, flattened = iter(theirs), None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Flatten):
            _, *map_shape = layer.input.shape
            flattened = map_shape if len(map_shape) == 3 else None
        weights = []
        for ours in layer.weights:
            weight = in_our_layout(*next(theirs), tuple(ours.shape), flattened)
            if ours.ndim == 2:
                flattened = None
            assert weight.shape == tuple(ours.shape), (layer.name, weight.shape, ours.shape)
            weights.append(weight)
        if weights:
            layer.set_weights(weights)
    assert next(theirs, None) is None


def in_our_layout(weight, kind, shape, flattened=None):
    """Convert a weight of PyTorch; a dense one may follow a flattened map of a given shape."""
    if kind in ("table", "layer_scale"):
        return weight.reshape(shape)
    if weight.ndim == 4 and len(shape) == 2:  # a 1x1 convolution
        return weight[:, :, 0, 0].T
    if weight.ndim == 4 and shape[3] == 1 != weight.shape[0]:  # depthwise: (channels, 1, h, w)
        return weight.transpose(2, 3, 0, 1)
    if weight.ndim == 4:  # (out, in, height, width) -> (height, width, in, out)
        return weight.transpose(2, 3, 1, 0)
    if weight.ndim == 2 and flattened:  # rows in the order channel, row, column
        height, width, channels = flattened
        weight = weight.T.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
        return weight.reshape(-1, weight.shape[-1])
    return weight.T
