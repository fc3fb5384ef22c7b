"""Autoencoders: the input again, from a short code."""

import numpy as np

from kerasdl import explain
from kerasdl.recipes import reading, training
from kerasdl.recipes.tasks import Export, gather, save_images


def model_options(info):
    return {"input_shape": info.shape}


def prepare(dataset, info):
    return dataset.map(lambda inputs, target: inputs, name="inputs")


def compile(model, recipe, steps):
    model.compile(
        training.optimizer(recipe, steps),
        loss=recipe.task_options.get("loss"),  # a VAE has its own
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)


def evaluate(model, test):
    numbers = model.evaluate(prepare(test, None), verbose=0, return_dict=True)
    if "kl" in numbers:
        parts = {name: float(numbers[name]) for name in ("reconstruction", "kl")}
        return {"negative_elbo": sum(parts.values()), **parts}
    (inputs, _) = gather(test)
    return {"mse": float(np.mean((model.reconstruct(inputs) - inputs) ** 2))}


def figures(model, splits, history):
    inputs, labels = gather(splits.test)
    rebuilt, between = model.reconstruct(inputs[:10]), model.interpolate(inputs[0], inputs[1])
    drawn = {
        "curves": explain.curves(history),
        "reconstructions": explain.reconstructions(inputs[:10], np.asarray(rebuilt)),
        "latent": explain.latent(np.asarray(model.encode(inputs)), labels, splits.info.classes),
        "interpolation": explain.interpolation(np.asarray(between)),
    }
    if hasattr(model, "generate"):
        drawn["samples"] = explain.samples(np.asarray(model.generate(64, seed=0)))
    return drawn


def examples(model, splits, folder):
    save_images(splits, folder)


def predict(run, inputs):
    rows = []
    for item in inputs:
        image = reading.image(item, run.info)
        again = np.asarray(run.model.reconstruct(image[None]))[0]
        code = np.asarray(run.model.encode(image[None]))[0]
        error = float(np.mean((again - image) ** 2))
        rows.append({"input": item, "mse": error, "code": " ".join(f"{c:.2f}" for c in code)})
    return rows


def explain_inputs(run, inputs):
    images = np.stack([reading.image(item, run.info) for item in inputs])
    outputs = np.asarray(run.model.reconstruct(images))
    return {"reconstructed_inputs": explain.reconstructions(images, outputs)}


def exports(model, splits):
    (inputs, _) = gather(splits.test)
    codes = np.asarray(model.encode(inputs))
    return {
        "encoder": Export(model.encoder, inputs),
        "decoder": Export(model.decoder, codes, activation="sigmoid"),
    }
