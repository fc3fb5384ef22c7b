"""Language models: the next character or word, again and again."""

import keras
import numpy as np

from kerasdl import errors, explain
from kerasdl.data import text as data_text
from kerasdl.recipes import training
from kerasdl.recipes.tasks import Export, gather


def model_options(info):
    return {"vocabulary_size": len(info.vocabulary), "context": info.shape[0]}


def prepare(dataset, info):
    return dataset


def compile(model, recipe, steps):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        training.optimizer(recipe, steps, beta_2=0.95, global_clipnorm=1.0),
        loss,
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=False,
    )
    # decay is for what multiplies, not for what shifts or looks up
    model.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding"])
    model.optimizer.build(model.trainable_variables)


def evaluate(model, test):
    nats = model.evaluate(test, verbose=0)
    return {"nats": float(nats), "bits": float(nats / np.log(2))}


def figures(model, splits, history):
    return {"curves": explain.curves(history)}


def examples(model, splits, folder):
    """What the model writes after the first words of the test text."""
    folder.mkdir(exist_ok=True)
    vocabulary = splits.info.vocabulary
    prompt = gather(splits.test, 1)[0][0][: splits.info.shape[0] // 2]
    written = decode(continued(model, prompt), vocabulary)
    (folder / "sample.txt").write_text(written + "\n", encoding="utf-8")


def continued(model, prompt, count=200):
    return model.generate(prompt, count, temperature=0.7, seed=0)


def encode(text, vocabulary):
    """Tokens of a text; what the vocabulary lacks is token 0."""
    numbers = {token: number for number, token in enumerate(vocabulary)}
    words = max(map(len, vocabulary[1:])) > 1
    parts = data_text.SPLITTERS["words" if words else "characters"](text)
    return np.array([numbers.get(part, 0) for part in parts], "int32")


def decode(tokens, vocabulary):
    # words stand apart, characters do not
    between = " " if max(map(len, vocabulary[1:])) > 1 else ""
    return between.join(vocabulary[token] for token in tokens)


def predict(run, inputs):
    vocabulary = run.info["vocabulary"]
    rows = []
    for prompt in inputs:
        if not prompt:
            raise errors.InvalidInput("input", "a prompt of at least one character", repr(prompt))
        written = continued(run.model, encode(prompt, vocabulary))
        rows.append({"input": prompt, "text": decode(written, vocabulary)})
    return rows


def explain_inputs(run, inputs):
    raise errors.InvalidInput("input", "none: a text model has no picture of a prompt", inputs[0])


def exports(model, splits):
    inputs, _ = gather(splits.test, 64)
    return {"model": Export(model, inputs)}
