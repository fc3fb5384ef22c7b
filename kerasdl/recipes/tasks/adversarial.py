"""GANs: images from nothing but noise."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors, explain, saving
from kerasdl.recipes import JUDGE, training
from kerasdl.recipes.tasks import Export

SAMPLES = 2000


def model_options(info):
    return {"input_shape": info.shape}


def prepare(dataset, info):
    return dataset.map(lambda inputs, target: inputs, name="inputs")


def compile(model, recipe, steps):
    """Two rates: the recipe's for the generator, `discriminator_rate` for the discriminator."""
    other = recipe.replace(learning_rate=recipe.task_options["discriminator_rate"])
    # with the usual 0.9 the two chase each other in circles
    model.compile(
        generator_optimizer=training.optimizer(recipe, steps, beta_1=0.5),
        discriminator_optimizer=training.optimizer(other, steps, beta_1=0.5),
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=False,
    )


def evaluate(model, test):
    """The losses, and for digits what the recorded classifier says of the samples."""
    numbers = model.evaluate(prepare(test, None), verbose=0, return_dict=True)
    metrics = {name: float(value) for name, value in numbers.items()}
    if model.generator.output_shape[1:] == (8, 8, 1):
        metrics.update(judge(np.asarray(model.generate(SAMPLES, seed=0))))
    return metrics


def read(images):
    """Probabilities that the digits' classifier gives to what each image may show."""
    classifier = saving.load_model(JUDGE, compile=False)
    return tf.nn.softmax(classifier.predict(images, batch_size=500, verbose=0)).numpy()


def judge(images):
    """How sure the digits' classifier is of each image, and how even its classes are."""
    probabilities = read(images)
    shares = np.bincount(probabilities.argmax(-1), minlength=10) / len(images)
    return {
        "smallest_class": float(shares.min()),
        "largest_class": float(shares.max()),
        "certainty": float(probabilities.max(-1).mean()),
    }


def figures(model, splits, history):
    codes = np.random.default_rng(0).normal(size=(2, model.generator.input_shape[-1]))
    steps = model.interpolate(*codes.astype("float32"))
    return {
        "curves": explain.curves(history),
        "samples": explain.samples(np.asarray(model.generate(64, seed=0))),
        "interpolation": explain.interpolation(np.asarray(steps)),
    }


def examples(model, splits, folder):
    """None: the input is noise, of which `kerasdl predict RUN SEED` makes what is needed."""


def predict(run, inputs):
    rows = []
    for seed in inputs:
        if not seed.isdecimal():
            raise errors.InvalidInput("input", "a seed, such as 7, for new samples", seed)
        file = run.path / f"sample-{seed}.png"
        image = np.asarray(run.model.generate(1, seed=int(seed)))[0]
        keras.utils.save_img(file, image * 255, scale=False)
        rows.append({"input": seed, "file": str(file)})
    return rows


def explain_inputs(run, inputs):
    raise errors.InvalidInput("input", "none: a GAN explains itself by samples", inputs[0])


def exports(model, splits):
    width = model.generator.input_shape[-1]
    codes = np.random.default_rng(0).normal(size=(256, width)).astype("float32")
    return {"generator": Export(model.generator, codes)}
