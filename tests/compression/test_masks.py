"""Pruning masks: unstructured, global, 2:4 and block."""

import numpy as np
import pytest
import tensorflow as tf

from kerasdl.compression import masks


def weight(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), "float32")


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 0.9])
def test_the_smallest_weights_are_masked(sparsity):
    w = weight(7, 9)
    (mask,) = masks.unstructured([w], sparsity)
    kept = np.abs(w)[mask == 1]
    assert np.sum(mask == 1) == round(63 * (1 - sparsity))
    assert not (mask == 0).numpy().any() or np.abs(w)[mask == 0].max() < kept.min()


def test_equal_weights_give_the_exact_sparsity():
    (mask,) = masks.unstructured([tf.ones((4, 5))], 0.5)
    assert np.sum(mask) == 10


@pytest.mark.rows("CMP-08")
def test_three_of_ten_weights_are_masked():
    w = tf.constant([0.5, -0.3, 0.1, 0.8, 0.02, -0.6, 0.4, -0.05, 0.9, 0.7])
    (mask,) = masks.unstructured([w], 0.3)
    np.testing.assert_array_equal(w[mask == 0], np.float32([0.1, 0.02, -0.05]))


def test_global_masks_prune_the_layer_with_small_weights():
    small, large = weight(10, 10) * 0.01, weight(10, 10, seed=1)
    first, second = masks.unstructured([small, large], 0.5)
    assert np.sum(first) + np.sum(second) == 100
    assert np.sum(first) < 5


@pytest.mark.parametrize("shape", [(8, 6), (3, 3, 8, 5), (3, 3, 1, 4), (10, 3)])
def test_two_of_every_four_inputs_are_kept(shape):
    w = weight(*shape)
    mask = masks.two_of_four(w).numpy().reshape(-1, *shape[-2:])
    magnitude = np.abs(w).reshape(mask.shape)
    for start in range(0, shape[-2], 4):
        group, values = mask[:, start : start + 4], magnitude[:, start : start + 4]
        kept = min(2, group.shape[1])
        np.testing.assert_array_equal(group.sum(1), kept)
        smallest_kept = np.where(group == 1, values, np.inf).min(1)
        assert (smallest_kept >= np.where(group == 0, values, -1).max(1)).all()


@pytest.mark.parametrize("shape", [(16, 8), (10, 6), (3, 3, 8, 8)])
def test_block_masks_consist_of_whole_blocks(shape):
    mask = masks.block(weight(*shape), 0.5).numpy().reshape(-1, *shape[-2:])
    for row in range(0, shape[-2], 4):
        for column in range(0, shape[-1], 4):
            square = mask[:, row : row + 4, column : column + 4]
            assert (square.min((1, 2)) == square.max((1, 2))).all()
    assert 0 < mask.mean() < 1
