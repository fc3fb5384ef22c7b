"""Encoder and decoder: sizes that follow from the shape of the image."""

import pytest

from kerasdl.models.generative.autoencoder import Decoder, Encoder


def test_decoder_mirrors_the_encoder():
    encoder = Encoder(5, (16, 8), input_shape=(6, 4, 3))
    decoder = Decoder(5, (8, 16), image_shape=(6, 4, 3))
    assert encoder.output_shape == decoder.input_shape == (None, 5)
    assert encoder.input_shape == decoder.output_shape == (None, 6, 4, 3)


@pytest.mark.rows("AEN-05")
def test_the_default_encoder_compresses_28x28_to_32():
    assert Encoder().input_shape == (None, 28, 28, 1)
    assert Encoder().output_shape == (None, 32)
