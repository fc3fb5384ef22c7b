"""Numbers of parameters."""

import json
import pathlib

import keras
import numpy as np

import kerasdl

REFERENCE = pathlib.Path(__file__).parents[1] / "reference" / "counts.json"


def counts(subject, folder):
    """Every variant has the published number of trainable parameters."""
    published = {row["item"]: row["params"] for row in json.loads(REFERENCE.read_text())}
    counted = {name: count_parameters(name) for name, item in subject.counts.items() if item}
    assert counted == {name: published[subject.counts[name]] for name in counted}
    return f"{len(counted)} equal"


def count_parameters(name):
    with keras.StatelessScope():  # allocates no weights, of which GPT-2 XL has six gigabytes
        model = kerasdl.create_model(name)
        keras.utils.clear_session(free_memory=False)  # else leaving the scope initializes them
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
