"""Pruning, compared with the package's masks and schedules, SciPy and zlib."""

import zlib

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from kerasdl.compression import masks, schedules
from kerasdl.formulas import pruning

RANDOM = np.random.default_rng(0)
TEN = np.array([0.1, 0.9, -0.5, 0.02, 0.7, -0.05, 0.3, 0.8, -0.6, 0.4])


@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.8, 0.99])
def test_magnitude_mask_equals_the_package(sparsity, same):
    w = RANDOM.normal(size=(12, 9)).astype("float32")
    w[0, :3] = w[1, :3] = 0.1  # ties
    ours = pruning.magnitude_mask(w, sparsity)
    theirs = masks.unstructured([tf.constant(w)], sparsity)[0]
    same(pruning.magnitude_mask, "kerasdl.compression.masks", ours, theirs)
    assert np.mean(ours == 0) == pytest.approx(sparsity, abs=1 / w.size)


def test_the_three_smallest_of_ten_weights_are_pruned():
    gone = pruning.magnitude_mask(TEN, 0.3) == 0
    assert TEN[gone].tolist() == [0.1, 0.02, -0.05]


def test_two_of_four(same):
    w = RANDOM.normal(size=(16, 5)).astype("float32")
    theirs = masks.two_of_four(tf.constant(w))
    same(pruning.two_of_four, "kerasdl.compression.masks", pruning.two_of_four(w), theirs)
    assert np.all(pruning.two_of_four(w).reshape(4, 4, 5).sum(axis=1) == 2)


@pytest.mark.parametrize("power", [1, 3])
def test_schedule(power, same):
    steps = np.arange(0, 130, 7)
    schedule = schedules.Polynomial(0.8, end=100, begin=10, initial=0.2, power=power)
    theirs = [schedule(step)[1] for step in steps]
    ours = pruning.sparsity_schedule(steps, 0.8, 100, begin=10, initial=0.2, power=power)
    same(pruning.sparsity_schedule, "kerasdl.compression.schedules.Polynomial", ours, theirs)


def test_bits_per_weight_are_a_lower_bound_of_compressed_files(same):
    sparsity = np.array([0.3, 0.8, 0.95])
    theirs = stats.entropy([sparsity, 1 - sparsity], base=2) + (1 - sparsity) * 8
    ours = pruning.bits_per_weight(sparsity, bits=8)
    same(pruning.bits_per_weight, "scipy.stats.entropy", ours, theirs)
    noise = RANDOM.integers(1, 256, 50_000)
    sizes = []
    for fraction, least in zip(sparsity, ours, strict=True):
        stored = np.where(RANDOM.random(50_000) < fraction, 0, noise).astype("uint8").tobytes()
        sizes.append(8 * len(zlib.compress(stored, 9)) / 50_000)
        assert 0.98 * least < sizes[-1] < 1.5 * least
    assert sizes == sorted(sizes, reverse=True)
