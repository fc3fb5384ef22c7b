"""From a run to the smallest LiteRT file that is good enough."""

import dataclasses
import pathlib

from kerasdl import seed
from kerasdl.errors import InvalidInput
from kerasdl.recipes import exporting, training
from kerasdl.utils.files import write_json


def compress_run(run, *, max_drop, methods, epochs, sparsity, progress) -> list[dict]:
    """Try every method on a run's classifier; files, table and picture go into its folder."""
    from kerasdl import compression
    from kerasdl.compression import methods as compression_methods

    if not run.info["classes"] or run.recipe.task != "supervised":
        expected = "one that classifies (accuracy decides which file is good enough)"
        raise InvalidInput("run to compress", expected, f"{run.path}, a {run.info['task']} run")
    fast = run.config["fast"]
    splits = training.load_data(run.recipe, fast)
    task = training.task_of(run.recipe)
    data = dataclasses.replace(splits, train=task.prepare(splits.train, splits.info))
    recipe = run.recipe.replace(epochs=epochs or max(1, run.recipe.epochs // 3))
    recipe = recipe.replace(epochs=1) if fast else recipe
    seed.set_seed(recipe.seed)
    model = run.model
    task.compile(model, recipe, int(data.train.cardinality()))

    def optimizer(step, epochs):
        rate = recipe.learning_rate * compression_methods.RATES[step]
        part = recipe.replace(epochs=epochs, learning_rate=rate)
        return training.optimizer(part, int(data.train.cardinality()))

    folder = run.path / "compressed"
    folder.mkdir(exist_ok=True)
    found = compression.search(
        model,
        data,
        max_drop,
        **({"methods": tuple(methods)} if methods else {}),
        epochs=recipe.epochs,
        sparsity=sparsity,
        folder=folder,
        optimizer=optimizer,
        callbacks=[splits.order_callback()],
        progress=progress,
        file_options={
            "labels": tuple(run.info["classes"]),
            **exporting.facts("model", run, run.info["shape"]),
        },
    )
    rows = found.rows()
    write_json(folder / "report.json", [dataclasses.asdict(item) for item in found.reports])
    training.draw(run.path, {"compression": found.figure()})
    for row, item in zip(rows, found.reports, strict=True):
        row["file"] = str(pathlib.Path(item.file))
    return rows
