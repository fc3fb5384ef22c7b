"""DCGAN's networks: published parameter counts and shapes, and the publication's guidelines."""

import json
import pathlib

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl.errors import InvalidInput
from kerasdl.models.generative.dcgan import Discriminator, Generator

COUNTS = json.loads((pathlib.Path(__file__).parents[2] / "reference/counts.json").read_text())
CONVOLUTIONS = (layers.Conv2D, layers.Conv2DTranspose)


def published(item):
    (count,) = [row["params"] for row in COUNTS if row["item"].startswith(item)]
    return count


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def sizes(model):
    return [layer.output.shape[1] for layer in model.layers if isinstance(layer, CONVOLUTIONS)]


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.fixture(scope="module")
def generator():
    return Generator()


@pytest.fixture(scope="module")
def discriminator():
    return Discriminator()


@pytest.mark.rows("GAN-10", "GAN-16")
def test_generator_has_the_published_parameters_and_sizes(generator):
    assert trainable(generator) == published("DCGAN generator") == 3_576_704
    assert generator.count_params() == 3_578_624
    assert sizes(generator) == [4, 8, 16, 32, 64]


@pytest.mark.rows("GAN-11")
def test_discriminator_has_the_published_parameters_and_sizes(discriminator):
    assert trainable(discriminator) == published("DCGAN discriminator") == 2_765_568
    assert discriminator.count_params() == 2_767_360
    assert sizes(discriminator) == [32, 16, 8, 4, 1]


@pytest.mark.rows("GAN-12", "GAN-19", "E-30", "E-32", "E-33")
def test_generator_follows_the_guidelines(generator):
    hidden = ["Conv2DTranspose", "BatchNormalization", "Activation"]  # in this order
    assert kinds(generator) == ["InputLayer", "Reshape", *4 * hidden, "Conv2DTranspose"]
    assert generator.layers[-1].activation is keras.activations.tanh
    first = generator.layers[2].kernel
    assert int(np.prod(first.shape)) == 819_200  # as in Dense(4 * 4 * 512)


@pytest.mark.rows("GAN-12", "GAN-20", "GAN-22", "E-30", "E-31", "E-36")
def test_discriminator_follows_the_guidelines(discriminator):
    hidden = ["Conv2D", "BatchNormalization", "LeakyReLU"]
    ends = ["InputLayer", "Conv2D", "LeakyReLU"], ["Conv2D", "Flatten"]  # a logit, no sigmoid
    assert kinds(discriminator) == [*ends[0], *3 * hidden, *ends[1]]
    bare = Discriminator(8, batch_normalization=False, dropout=0.3)
    assert kinds(bare).count("Dropout") == 4
    assert "BatchNormalization" not in kinds(bare)


def test_initial_weights_and_scales_have_the_published_distribution(generator):
    for layer in generator.layers:
        weights = layer.get_weights()
        if isinstance(layer, CONVOLUTIONS):
            assert len(weights) == 1  # no bias
            np.testing.assert_allclose(np.std(weights[0]), 0.02, rtol=0.05)
        elif isinstance(layer, layers.BatchNormalization):
            gamma, beta, _, _ = weights
            np.testing.assert_allclose([gamma.mean(), gamma.std()], [1, 0.02], atol=6e-3)
            assert not beta.any()


@pytest.mark.parametrize(("start", "expected"), [(4, [4, 8]), (2, [2, 4, 8]), (1, [1, 2, 4, 8])])
def test_the_first_size_of_the_generator(start, expected):
    assert sizes(Generator(8, 4, start, image_shape=(8, 8, 1))) == expected


@pytest.mark.rows("GAN-18")
def test_images_are_in_minus_1_to_1(generator):
    images = np.array(generator(10 * keras.random.normal((4, 100), seed=0)))
    assert images.min() >= -1
    assert images.max() <= 1


@pytest.mark.rows("GAN-14")
def test_close_codes_give_close_images(generator):
    code, step = keras.random.normal((2, 1, 100), seed=0)
    far, near = (
        np.linalg.norm(generator(code + size * step) - generator(code)) for size in (1e-1, 1e-3)
    )
    assert near < far / 20


@pytest.mark.parametrize("shape", [(10, 10, 1), (8, 16, 1), (3, 3, 1)])
def test_sizes_that_doubling_does_not_reach_are_refused(shape):
    with pytest.raises(InvalidInput, match="a square of 4 times a power of two pixels"):
        Generator(image_shape=shape)
    with pytest.raises(InvalidInput, match=f"Received: {shape[0]}x{shape[1]}"):
        Discriminator(input_shape=shape)
