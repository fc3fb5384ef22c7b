"""Compare whole networks with those of other libraries, given the same weights."""

import pathlib

import keras
import numpy as np

import kerasdl
from tests.reference import network_weights

FOLDER = pathlib.Path(__file__).parents[1] / "reference"
TOLERANCE = 1e-4  # the fixtures themselves differ from float64 by up to 1e-5


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
    model = kerasdl.create_model(name, input_shape=tuple(n and int(n) for n in shape))
    give_weights(model, fixture)
    outputs = keras.Model(model.input, {"logits": model.output, "levels": model.pyramid})
    error = 0.0
    for prefix in prefixes:
        images = network_weights.images(fixture[f"{prefix}input_shape"])
        found = outputs.predict_on_batch(images.transpose(0, 2, 3, 1))
        pairs = [(found["logits"], fixture[f"{prefix}logits"])]
        for i, stride in enumerate(fixture["level_strides"].tolist()):
            if stride in fixture["level_strides"][i + 1 :]:
                continue  # a later map has this stride
            ours = found["levels"][stride].transpose(0, 3, 1, 2)
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
    theirs = iter(network_weights.network_weights(fixture).values())
    flattened = None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Flatten):
            flattened = layer.input.shape[1:]
        weights = []
        for ours in layer.weights:
            weight = next(theirs)
            if weight.ndim == 4:  # (out, in, height, width) -> (height, width, in, out)
                weight = weight.transpose(2, 3, 1, 0)
            elif weight.ndim == 2:
                weight = weight.T
                if flattened:  # rows in the order channel, row, column -> row, column, channel
                    height, width, channels = flattened
                    weight = weight.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
                    weight, flattened = weight.reshape(-1, weight.shape[-1]), None
            assert weight.shape == tuple(ours.shape), (layer.name, weight.shape, ours.shape)
            weights.append(weight)
        if weights:
            layer.set_weights(weights)
    assert next(theirs, None) is None
