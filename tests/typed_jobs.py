"""Ten usual jobs of the Python interface: tests/test_types.py runs them and checks their types.

A line with `type: ignore` must be an error.
"""

import pathlib
from typing import Any, assert_type

import numpy as np

import kerasdl
from kerasdl import compression, data, diagnosis, export, learners, recipes, tuning
from kerasdl.diagnosis import Case, Report
from kerasdl.runs import Run


def main(folder: pathlib.Path) -> None:
    # 1. data
    kerasdl.set_seed(0)
    splits = data.load("digits", batch_size=64, augment="light")
    assert_type(splits, data.Splits)
    print(splits.info.classes, splits.info.counts["train"])

    # 2. a network, trained with Keras's fit
    model = kerasdl.create_model("simple_cnn_tiny", num_classes=10, input_shape=(8, 8, 1))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(splits.train, validation_data=splits.validation, epochs=1)
    assert_type(kerasdl.list_models("vision"), list[str])

    # 3. a file
    model.save(folder / "model.keras")
    model = kerasdl.load_model(folder / "model.keras")

    # 4. diagnosis
    found = diagnosis.lr_find(model, splits.train, steps=20)
    print(found.suggestion)
    report = diagnosis.doctor(Case(model, splits.train, splits.validation, history.history))
    assert_type(report, Report)
    if report.finding:
        print(report.finding.advice)

    # 5. a LiteRT file
    x = np.zeros((4, 8, 8, 1), "float32")
    file = export.to_litert(model, folder / "model.tflite", quantize="int8", calibration=x)
    assert_type(file, export.LiteRTModel)
    print(file.size, file.labels, file.predict(x).argmax(-1))
    print(export.verify(model, file, x).largest_error + export.benchmark(file.path).median)

    # 6. compression
    smaller = compression.compress(model, splits.train, method="pqat", epochs=2)
    assert_type(smaller, compression.Compressed)
    print(smaller.litert.zipped_size, smaller.report.agreement)

    # 7. a recipe
    recipe = recipes.get("mlp").replace(epochs=2, learning_rate=0.01)
    run = recipe.run(folder / "run", fast=True)
    assert_type(run, Run)

    # 8. a run
    run = recipes.open(folder / "run")
    print(run.metrics["test"]["accuracy"], run.history["loss"][-1], run.evaluate()["accuracy"])
    images = sorted(map(str, (folder / "run" / "examples").glob("*.png")))
    print([row["file"] for row in run.export(["none", "int8"])], run.predict(images)[0])

    # 9. a search of hyperparameters
    search = tuning.tune(recipe, tuner="random", trials=2, out=folder / "search", fast=True)
    print(search.best.metrics["test"], search.leaderboard["best"])

    # 10. a generative learner
    vae = learners.VAE.create(input_shape=(8, 8, 1), latent_dim=2)
    vae.compile()
    print(vae.generate(4, seed=0).shape)


def refused(model: Any, train: Any, recipe: recipes.Recipe, run: Run) -> None:
    export.to_litert(model, "model.tflite", quantize="int9")  # type: ignore
    compression.compress(model, train, method="smaller")  # type: ignore
    recipe.run(on_nan="ignore")  # type: ignore
    assert_type(recipe.run(strategy="multiworker"), Run | None)
    run.export(["int9"])  # type: ignore
    run.export(format="tensorflow")  # type: ignore
    tuning.tune(recipe, tuner="annealing")  # type: ignore
    print(kerasdl.no_such_name)  # type: ignore


if __name__ == "__main__":
    main(pathlib.Path("out"))
