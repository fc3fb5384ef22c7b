"""Language models: the next character or word, again and again."""

import keras
import numpy as np

from kerasdl import explain
from kerasdl.recipes import training
from kerasdl.recipes.tasks import Export, gather


def model_options(info):
    return {"vocabulary_size": len(info.vocabulary), "context": info.shape[0]}


def prepare(dataset, info):
    return dataset


def compile(model, recipe, steps):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    options = recipe.task_options
    model.compile(
        training.optimizer(recipe, steps, clipnorm=options.get("clipnorm")),
        loss,
        steps_per_execution=options.get("steps_per_execution", 1),
    )
    model.optimizer.build(model.trainable_variables)


def evaluate(model, test):
    nats = model.evaluate(test, verbose=0)
    return {"nats": float(nats), "bits": float(nats / np.log(2))}


def figures(model, splits, history):
    return {"curves": explain.curves(history)}


def examples(model, splits, folder):
    folder.mkdir(exist_ok=True)
    info = splits.info
    prompt = gather(splits.test, 1)[0][0][: info.shape[0] // 2]
    text = info.decode(continue_(model, prompt, count=200))
    (folder / "sample.txt").write_text(text + "\n", encoding="utf-8")


def continue_(model, prompt, count, temperature=0.8, seed=0):
    return model.generate(np.asarray(prompt)[None], count, temperature=temperature, seed=seed)[0]


def predict(run, inputs):
    from kerasdl.data import text

    rows = []
    for prompt in inputs:
        tokens = text.encode(prompt, run.info["vocabulary"])
        answer = text.decode(continue_(run.model, tokens, 200), run.info["vocabulary"])
        rows.append({"input": prompt, "text": answer})
    return rows


def exports(model, splits):
    inputs, _ = gather(splits.test, 64)
    return {"model": Export(model, inputs)}
