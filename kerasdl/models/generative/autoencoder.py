"""The dense encoder and decoder of an autoencoder."""

import math
from collections.abc import Callable

import keras
from keras import layers

from kerasdl.models.network import Network
from kerasdl.utils import checks

VARIANTS = {
    "Encoder": {
        "encoder": {"latent_dim": 32, "widths": (128, 64), "input_shape": (28, 28, 1)},
        "encoder_tiny": {"latent_dim": 10, "widths": (256, 256), "input_shape": (8, 8, 1)},
    },
    "Decoder": {
        "decoder": {"latent_dim": 32, "widths": (64, 128), "image_shape": (28, 28, 1)},
        "decoder_tiny": {"latent_dim": 10, "widths": (256, 256), "image_shape": (8, 8, 1)},
    },
}


@keras.saving.register_keras_serializable(package="kerasdl", name="AutoencoderEncoder")
class Encoder(Network):
    """Encode an image as a few numbers.

        h = f(W_e x + b_e), for each width        code = W h + b

    Args:
        latent_dim: int, numbers in the code.
        widths: tuple of ints, units of the hidden layers.
        activation: str or function, f.
        input_shape: tuple, (height, width, channels).

    Reference: Hinton, Salakhutdinov (2006), Reducing the Dimensionality of Data
    with Neural Networks.
    """

    trained_by = "Autoencoder or VAE"

    def __init__(
        self,
        latent_dim: int = 32,
        widths: tuple[int, ...] = (128, 64),
        activation: str | Callable = "relu",
        input_shape: tuple[int, ...] = (28, 28, 1),
        **kwargs,
    ):
        checks.integers(latent_dim=latent_dim)
        checks.integer_tuples(empty=True, widths=widths)
        checks.activations(activation=activation)
        checks.shapes(known=True, input_shape=input_shape)
        inputs = keras.Input(input_shape)
        x = layers.Flatten()(inputs)
        for width in widths:
            x = layers.Dense(width, activation)(x)
        super().__init__(inputs, layers.Dense(latent_dim, name="code")(x), **kwargs)


@keras.saving.register_keras_serializable(package="kerasdl", name="AutoencoderDecoder")
class Decoder(Network):
    """Decode a code into the logits of an image.

        h = f(W_d z + b_d), for each width        logits = W h + b

    Args:
        latent_dim: int, numbers in the code.
        widths: tuple of ints, units of the hidden layers, usually the encoder's in reverse.
        activation: str or function, f.
        image_shape: tuple, (height, width, channels) of the output.

    Reference: Hinton, Salakhutdinov (2006), Reducing the Dimensionality of Data
    with Neural Networks.
    """

    trained_by = "Autoencoder or VAE"

    def __init__(
        self,
        latent_dim: int = 32,
        widths: tuple[int, ...] = (64, 128),
        activation: str | Callable = "relu",
        image_shape: tuple[int, ...] = (28, 28, 1),
        **kwargs,
    ):
        checks.integers(latent_dim=latent_dim)
        checks.integer_tuples(empty=True, widths=widths)
        checks.activations(activation=activation)
        checks.shapes(known=True, image_shape=image_shape)
        x = inputs = keras.Input((latent_dim,))
        for width in widths:
            x = layers.Dense(width, activation)(x)
        x = layers.Dense(math.prod(image_shape), name="logits")(x)
        super().__init__(inputs, layers.Reshape(image_shape)(x), **kwargs)
