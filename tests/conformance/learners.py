"""Every learner: a tiny variant, a batch, and the arguments of `compile` for an optimizer."""

import keras

from tests.conformance.inputs import digits, tokens
from tests.conformance.subject import learner

IMAGES, _ = digits()
TOKENS, NEXT = tokens(length=12, vocabulary=20)


def autoencoder_parts(model):
    return {"encoder": model.encoder, "decoder": model.decoder}


SUBJECTS = [
    learner(
        "autoencoder_tiny",
        {},
        IMAGES,
        lambda optimizer: {"optimizer": optimizer(), "loss": "mse"},
        unusual={"output_activation": "linear"},
        another=(5, 6, 3),
        parts=autoencoder_parts,
        counts={"autoencoder": None},
    ),
    learner(
        "vae_tiny",
        {},
        IMAGES,
        lambda optimizer: {"optimizer": optimizer()},
        unusual={"beta": 4.0, "likelihood": "gaussian", "seed": 3},
        another=(5, 6, 3),
        parts=autoencoder_parts,
        still=None,
        falls=("loss", 0.6),  # the entropy of gray pixels and the KL term remain
        counts={"vae": None},
    ),
    learner(
        "dcgan_tiny",
        {"width": 16},
        IMAGES,
        lambda optimizer: {
            "generator_optimizer": optimizer(),
            "discriminator_optimizer": optimizer(),
        },
        unusual={"label_smoothing": 0.2, "seed": 3},
        another=(16, 16, 3),
        parts=lambda model: {"generator": model.generator, "discriminator": model.discriminator},
        still=None,
        falls=("discriminator_loss", 0.6),
        counts={"dcgan": None},
    ),
    learner(
        "scheduled_lstm_lm_tiny",
        {"vocabulary_size": 20, "width": 32, "decay_steps": 1},
        TOKENS,
        lambda optimizer: {
            "optimizer": optimizer(),
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        NEXT,
        unusual={"passes": 2, "seed": 3},
        another=(7,),
        sized=None,
        still=None,
        counts={"scheduled_lstm_lm": None},
    ),
]
