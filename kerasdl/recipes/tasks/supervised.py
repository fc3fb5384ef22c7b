"""Classification and regression: a label for an image or a row of a table."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.recipes import reading, training
from kerasdl.recipes.tasks import Export, gather, save_images


def model_options(info):
    outputs = len(info.classes) if info.classes else 1
    return {"input_shape": info.shape, "num_classes": outputs}


def prepare(dataset, info):
    if not info.classes:
        return dataset
    classes = len(info.classes)  # vectors, because Keras smooths only those
    return dataset.map(lambda x, label: (x, tf.one_hot(label, classes)), name="one_hot")


def compile(model, recipe, steps):
    if model.output_shape[-1] == 1:
        loss, metrics = keras.losses.MeanSquaredError(), []
    else:
        smoothing = recipe.task_options.get("label_smoothing", 0.0)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
        metrics = [keras.metrics.CategoricalAccuracy(name="accuracy")]
    model.compile(
        training.optimizer(recipe, steps),
        loss,
        metrics=metrics,
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)  # else `fit` traces twice


def evaluate(model, test):
    outputs, labels = outputs_of(model, test)
    if outputs.shape[-1] == 1:
        mse = float(np.mean((outputs - labels) ** 2))
        return {"mse": mse, "r2": 1 - mse / float(np.var(labels))}
    log_probabilities = tf.nn.log_softmax(outputs).numpy()
    right = outputs.argmax(-1) == labels
    loss = -log_probabilities[np.arange(len(labels)), labels]
    return {"accuracy": float(right.mean()), "cross_entropy": float(loss.mean())}


def outputs_of(model, dataset):
    """Logits (or values) and labels of a whole dataset."""
    pairs = [(model.predict_on_batch(x), y.numpy()) for x, y in dataset]
    return tuple(np.concatenate(parts) for parts in zip(*pairs, strict=True))


def figures(model, splits, history):
    drawn = {"curves": explain.curves(history)}
    names = splits.info.classes
    if names:
        logits, labels = outputs_of(model, splits.test)
        drawn["confusion"] = explain.confusion(labels, logits.argmax(-1), names)
    if names and len(splits.info.shape) == 3:
        images, labels = gather(splits.test)
        probabilities = tf.nn.softmax(logits).numpy()
        drawn["mistakes"] = explain.predictions(images, labels, probabilities, names)
        if convolves(model):
            drawn["feature_maps"] = explain.feature_maps(model, images[0])
    return drawn


def examples(model, splits, folder):
    save_images(splits, folder)


def convolves(model):
    return any(isinstance(layer, keras.layers.Conv2D) for layer in model._flatten_layers())


def predict(run, inputs):
    rows = []
    for item in inputs:
        places, examples = reading.examples(item, run)
        outputs = run.model.predict_on_batch(examples)
        rows += [{**p, **_answer(o, run.info)} for p, o in zip(places, outputs, strict=True)]
    return rows


def _answer(outputs, info):
    classes = info["classes"]
    if not classes:
        mean, deviation = info["target_scale"] or (0, 1)
        return {"value": float(outputs[0]) * deviation + mean}
    probabilities = tf.nn.softmax(outputs).numpy()
    best = probabilities.argsort()[::-1][:3]
    others = ", ".join(f"{classes[i]} {probabilities[i]:.3f}" for i in best[1:])
    return {
        "prediction": classes[best[0]],
        "probability": round(float(probabilities[best[0]]), 4),
        "then": others,
    }


def explain_inputs(run, inputs):
    if not convolves(run.model):
        raise errors.InvalidInput("run to explain an input of", "convolutions", run.recipe.model)
    images = {pathlib.Path(item).stem: reading.image(item, run.info) for item in inputs}
    return {f"feature_maps-{n}": explain.feature_maps(run.model, x) for n, x in images.items()}


def exports(model, splits):
    inputs, labels = gather(splits.test)
    activation = "softmax" if splits.info.classes else None
    return {"model": Export(model, inputs, labels, activation)}
