"""Patches, compared with the package's layer, Keras's convolution and TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import patches
from kerasdl.layers import patch_embedding


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype("float32")


def test_patchify_equals_tensorflow_and_the_package_and_can_be_inverted(images, same):
    ours = patches.patchify(images, 4)
    square = [1, 4, 4, 1]
    theirs = tf.image.extract_patches(images, square, square, [1] * 4, "VALID")
    same(patches.patchify, "tf.image.extract_patches", ours, tf.reshape(theirs, (2, 6, 48)))
    package = patch_embedding.patchify(images, 4)
    same(patches.patchify, "kerasdl.layers.patch_embedding.patchify", ours, package)
    package = patch_embedding.unpatchify(ours, 4, images.shape[1:])
    joined = patches.unpatchify(ours, 4, images.shape[1:])
    same(patches.unpatchify, "kerasdl.layers.patch_embedding.unpatchify", joined, package)
    same(patches.unpatchify, "the original image", joined, images, at_most=0)


def test_an_image_of_224_pixels_has_196_patches_of_768_numbers():
    assert patches.patchify(np.zeros((224, 224, 3)), 16).shape == (196, 768)


def test_patch_embedding_equals_keras_convolution_and_the_package(images, same):
    layer = keras.layers.Conv2D(5, 4, 4)
    theirs = keras.ops.reshape(layer(images), (2, 6, 5))
    ours = patches.patch_embedding(images, *layer.get_weights())
    same(patches.patch_embedding, "keras.layers.Conv2D", ours, theirs)
    layer = patch_embedding.PatchEmbedding(4, 5)
    theirs = layer(images)
    ours = patches.patch_embedding(images, *layer.get_weights())
    same(patches.patch_embedding, "kerasdl.layers.PatchEmbedding", ours, theirs)
