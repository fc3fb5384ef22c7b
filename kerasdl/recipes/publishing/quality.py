"""How good a file is, in numbers that come out the same every time, and what is good enough."""

import dataclasses
import hashlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kerasdl.recipes import Recipe, training
from kerasdl.recipes.tasks import adversarial, gather

CODES = 2000  # of which a generator makes pictures to be judged


@dataclasses.dataclass(frozen=True)
class Criterion:
    """Which measure decides, and how far from the float file's it may be."""

    metric: str
    text: str
    holds: Callable[[float, float], bool]  # of a file's and the float file's


CRITERIA = {
    "supervised": Criterion(
        "accuracy",
        "at most 0.005 less accuracy than the float file",
        lambda file, whole: file >= whole - 0.005,
    ),
    "reconstruction": Criterion(
        "mean_reconstruction",
        "at most 1 % more loss of reconstruction than the float files",
        lambda file, whole: file <= 1.01 * whole,
    ),
    "adversarial": Criterion(
        "same_digit",
        f"a classifier of digits reads at least 99.5 % of {CODES:,} pictures as it reads what the "
        "Keras model makes of the same noise",
        lambda file, whole: file >= 0.995,
    ),
    "language": Criterion(
        "nats",
        "at most 0.5 % more nats a character than the float file",
        lambda file, whole: file <= 1.005 * whole,
    ),
}

MEANINGS = {
    "accuracy": "share of right answers",
    "cross_entropy": "of the right answer, in nats",
    "reconstruction": "cross-entropy of an image rebuilt from a random code of its, in nats",
    "mean_reconstruction": "the same from the mean of its codes, which files give",
    "mse": "mean squared error of a pixel",
    "negative_elbo": "bound of the negative log-likelihood of an image, in nats",
    "kl": "of the codes from the standard normal distribution, in nats",
    "same_digit": "share of pictures in which the classifier reads what it reads in Keras's",
    "smallest_class": "share of the digit that is made least often",
    "largest_class": "share of the digit that is made most often",
    "certainty": "mean probability that the classifier gives to the digit it reads",
    "largest_pixel_error": "largest difference of a pixel in [0, 1] from Keras's",
    "nats": "cross-entropy of a character",
    "bits": "the same, in bits",
}


def measure(recipe: Recipe, parts: dict[str, Callable], model, splits) -> dict[str, float]:
    """What the exported `parts` (functions of arrays, by name) reach on the test split.

    Args:
        recipe: What was trained.
        parts: Keras networks or LiteRT files.
        model: The Keras model, for what is a comparison with it.
        splits: The recipe's data.
    """
    numbers = {
        "supervised": _classifier,
        "reconstruction": _autoencoder,
        "adversarial": _generator,
        "language": _language,
    }[recipe.task](parts, model, splits)
    return {name: float(value) for name, value in numbers.items()}


def keras_parts(recipe: Recipe, model, splits) -> dict[str, Callable]:
    """The Keras networks as functions of arrays, which give what their files give."""
    exports = training.task_of(recipe).exports(model, splits)
    return {name: _function(part) for name, part in exports.items()}


def _function(part):
    # files of classifiers give logits, as `kerasdl compress` writes them
    activate = keras.activations.get("sigmoid" if part.activation == "sigmoid" else None)

    def run(x):
        batches = [x[i : i + 100] for i in range(0, len(x), 100)]
        return np.concatenate([activate(part.model.predict_on_batch(batch)) for batch in batches])

    return run


def _classifier(parts, model, splits):
    images, labels = gather(splits.test)
    logits = parts["model"](images)
    return {
        "accuracy": np.mean(logits.argmax(-1) == labels),
        "cross_entropy": _cross_entropy(logits, labels),
    }


def _autoencoder(parts, model, splits):
    images, _ = gather(splits.test)
    means, _ = np.split(parts["encoder"](images), 2, axis=-1)
    again = parts["decoder"](means)
    loss = keras.losses.binary_crossentropy(images, again)  # probabilities away from 0 and 1
    pixels = np.prod(images.shape[1:])
    return {
        "mean_reconstruction": np.mean(loss) * pixels,
        "mse": np.mean((again - images) ** 2),
    }


def _generator(parts, model, splits):
    width = model.generator.input_shape[-1]
    codes = np.random.default_rng(1).normal(size=(CODES, width)).astype("float32")
    images = (parts["generator"](codes) + 1) / 2
    expected = np.concatenate([model.decode(codes[i : i + 100]) for i in range(0, CODES, 100)])
    same = adversarial.read(images).argmax(-1) == adversarial.read(expected).argmax(-1)
    return {
        "same_digit": np.mean(same),
        **adversarial.judge(images),
        "largest_pixel_error": np.abs(images - expected).max(),
    }


def _language(parts, model, splits):
    windows, targets = gather(splits.test)
    return {"nats": _cross_entropy(parts["model"](windows), targets)}


def _cross_entropy(logits, labels):
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return np.mean(losses.numpy(), dtype="float64")


def fingerprint(splits) -> str:
    """Of the test inputs: other versions of Python carry another manual."""
    inputs = gather(splits.test)[0]
    return hashlib.sha256(inputs.tobytes()).hexdigest()[:16]
