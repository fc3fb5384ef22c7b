"""A patch embedding multiplies each patch of an image by one matrix."""

import pathlib

import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers.patch_embedding import PatchEmbedding, patchify, unpatchify

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "vit_tiny.npz")
IMAGES = np.random.default_rng(0).random((2, 32, 48, 3), dtype="float32")


def test_patches_are_in_row_major_order():
    patches = np.array(patchify(IMAGES, 16))
    assert patches.shape == (2, 6, 768)
    np.testing.assert_array_equal(patches[:, 4], IMAGES[:, 16:, 16:32].reshape(2, 768))


@pytest.mark.rows("TRF-48")
def test_unpatchify_inverts_patchify():
    np.testing.assert_array_equal(unpatchify(patchify(IMAGES, 16), 16, (32, 48, 3)), IMAGES)


def test_embedding_multiplies_each_patch_by_a_matrix():
    embed = PatchEmbedding(16, 24)
    outputs = embed(IMAGES)
    kernel, bias = embed.get_weights()  # (16, 16, 3, 24), of a convolution of stride 16
    assert outputs.shape == embed.compute_output_shape(IMAGES.shape) == (2, 6, 24)
    expected = np.array(patchify(IMAGES, 16)) @ kernel.reshape(768, 24) + bias
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.rows("TRF-49")
def test_embedding_equals_the_reference_vision_transformer():
    prefix = "w.vit.embeddings."
    embed = PatchEmbedding(4, 24)
    images = REFERENCE["x"].transpose(0, 2, 3, 1)
    embed.build(images.shape)
    projection = f"{prefix}patch_embeddings.projection."
    kernel, bias = REFERENCE[f"{projection}weight"], REFERENCE[f"{projection}bias"]
    embed.set_weights([kernel.transpose(2, 3, 1, 0), bias])
    # h0 also holds the position embedding, and a class token before all patches
    expected = REFERENCE["h0"][:, 1:] - REFERENCE[f"{prefix}position_embeddings"][:, 1:]
    np.testing.assert_allclose(embed(images), expected, atol=1e-5)


def test_an_image_of_224_pixels_has_196_patches():
    assert PatchEmbedding(16, 768).compute_output_shape((None, 224, 224, 3)) == (None, 196, 768)


def test_embedding_can_be_inlined(assert_transparent):
    assert_transparent(PatchEmbedding(4, 6), (8, 12, 3))


def test_a_patch_size_that_does_not_divide_the_image_is_refused():
    with pytest.raises(InvalidInput, match=r"a divisor of the image's sides \(32, 48\)"):
        PatchEmbedding(5, 24)(IMAGES)


def test_overlapping_patches_without_a_bias():
    embed = PatchEmbedding(8, 5, strides=4, use_bias=False)
    outputs = np.array(embed(IMAGES))
    (kernel,) = embed.get_weights()
    assert outputs.shape == embed.compute_output_shape(IMAGES.shape) == (2, 7 * 11, 5)
    tile = IMAGES[:, 4:12, 8:16].reshape(2, -1)  # row 1, column 2
    np.testing.assert_allclose(outputs[:, 11 + 2], tile @ kernel.reshape(-1, 5), atol=1e-5)
