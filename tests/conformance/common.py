"""Helpers of several properties."""

import keras
import numpy as np


def outputs(model, inputs):
    return [keras.ops.convert_to_numpy(x) for x in flat(model(inputs))]


def assert_equal(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, e)


def flat(inputs):
    return keras.tree.flatten(inputs)


def step(model, subject):
    return model.train_on_batch(subject.inputs, subject.targets, return_dict=True)
