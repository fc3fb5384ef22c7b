"""Autoencoder: learn a short code by having to rebuild the input from it."""

import keras
from keras import ops

from kerasdl.arguments import Arguments
from kerasdl.learners import interpolation
from kerasdl.models.generative.autoencoder import Decoder, Encoder
from kerasdl.utils import checks

VARIANTS = {
    "Autoencoder": {
        "autoencoder": {"latent_dim": 32, "widths": (128, 64), "input_shape": (28, 28, 1)},
        "autoencoder_tiny": {
            "latent_dim": 10,
            "widths": (256, 256),
            "activation": "silu",
            "input_shape": (8, 8, 1),
        },
    },
}


@keras.saving.register_keras_serializable(package="kerasdl")
class Autoencoder(Arguments, keras.Model):
    """Rebuild the input from a code too short to copy it.

        h = encoder(x)        x^ = f(decoder(h))        minimise loss(x, x^)

    `fit` takes datasets of x, and `compile` any Keras loss, which compares x with x^. With a linear
    network and the squared error, the codes span the space of the principal components.

    Args:
        encoder: Model from an input to a code.
        decoder: Model from a code to the logits of the input.
        output_activation: What turns logits into the input's range, "sigmoid" or "linear".

    Example:
        >>> model = Autoencoder.create(latent_dim=2, widths=(16,), input_shape=(8, 8, 1))
        >>> model.encode(keras.ops.zeros((5, 8, 8, 1))).shape
        TensorShape([5, 2])

    Reference: Hinton, Salakhutdinov (2006), Reducing the Dimensionality of Data
    with Neural Networks.

    Spec: AEN-01, AEN-02, AEN-03, AEN-04, AEN-05, AEN-06, AEN-07, AEN-20
    """

    def __init__(self, encoder, decoder, output_activation="sigmoid", **kwargs):
        checks.activations(output_activation=output_activation)
        inputs = keras.Input(encoder.input_shape[1:])
        logits = decoder(encoder(inputs))
        activation = keras.activations.get(output_activation)
        super().__init__(inputs, activation(logits), **kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.output_activation = activation

    @classmethod
    def create(
        cls,
        latent_dim=32,
        widths=(128, 64),
        activation="relu",
        output_activation="sigmoid",
        input_shape=(28, 28, 1),
        **kwargs,
    ):
        """An autoencoder of dense networks, the decoder mirroring the encoder."""
        checks.activations(output_activation=output_activation)
        encoder = Encoder(latent_dim, widths, activation, input_shape, name="encoder")
        decoder = Decoder(latent_dim, widths[::-1], activation, input_shape, name="decoder")
        return cls(encoder, decoder, output_activation, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, x, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, x, y_pred, sample_weight)

    def encode(self, inputs):
        """Codes of a batch of inputs."""
        return self.encoder(inputs)

    def decode(self, codes):
        """What a batch of codes stands for, in the range of the inputs."""
        return self.output_activation(self.decoder(codes))

    def reconstruct(self, inputs):
        """Inputs as they come back from their codes."""
        return self.decode(self.encode(inputs))

    def interpolate(self, a, b, steps=10):
        """Decode the straight line between the codes of two inputs, both ends included."""
        return self.decode(interpolation.line(*self.encode(ops.stack([a, b])), steps))
