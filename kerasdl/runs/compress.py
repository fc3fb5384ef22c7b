"""Compress the model of a run: find the smallest LiteRT file that is good enough."""

import dataclasses
import pathlib
from typing import Any

from kerasdl import compression, seed
from kerasdl.compression import methods as compression_methods
from kerasdl.compression.searching import Found
from kerasdl.data import Info
from kerasdl.errors import InvalidInput
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.runs import export, folder, prepare
from kerasdl.tasks.classification import Classification
from kerasdl.utils import checks
from kerasdl.utils.files import write_json


def compress_run(run, *, max_drop, methods, epochs, sparsity, progress, **options) -> list[dict]:
    """Try each method; write files, a report and a figure; return a row for each file."""
    checks.integers(epochs=epochs, limit=checks.LARGEST, optional=True)
    if not isinstance(run.task, Classification):
        expected = "one that classifies (accuracy decides which file is good enough)"
        raise InvalidInput("run to compress", expected, f"{run.path}, a run of {run.task.title}")
    splits, task = run.load_data(), run.task
    data = dataclasses.replace(splits, train=task.prepare(splits.train))
    recipe = run.recipe.replace(epochs=epochs or max(1, run.recipe.epochs // 3))
    recipe = recipe.replace(epochs=1) if run.config["fast"] else recipe
    seed.set_seed(recipe.seed)
    model, steps = run.model, int(data.train.cardinality())
    prepare.compile_model(model, recipe, task, steps)

    def optimizer(step, epochs):
        rate = recipe.learning_rate * compression_methods.RATES[step]
        return prepare.optimizer_for(recipe.replace(epochs=epochs, learning_rate=rate), steps)()

    output = run.path / "compressed"
    chosen: dict[str, Any] = {"methods": tuple(dict.fromkeys(methods))} if methods else {}
    found = compression.search(
        model,
        data,
        max_drop,
        **chosen,
        epochs=recipe.epochs,
        sparsity=sparsity,
        seed=recipe.seed,
        folder=output,
        optimizer=optimizer,
        callbacks=[splits.order_callback()],
        progress=lambda line: progress(explained(line)),
        file_options={
            "labels": run.info.classes,
            **export.description_of("model", run, run.info.shape),
        },
        **options,
    )
    folder.save_figures(run.path, {"compression": found.figure})
    return rows_of(found, output, run.info)


def rows_of(found: Found, output: pathlib.Path, info: Info) -> list[dict]:
    """Write the reports and the cards of a search into its folder; return a row for each file."""
    write_json(output / "report.json", [dataclasses.asdict(item) for item in found.reports])
    rows = found.rows()
    for row, item in zip(rows, found.reports, strict=True):
        row["file"] = str(pathlib.Path(item.file))
        row["note"] = found.slower() if item is found.best else ""
        export.write_card(LiteRTModel(item.file), row, info)
    return rows


def explained(line: str) -> str:
    """Return the line for a method, with the reason why it is repeated with fewer zeros."""
    method, _, lowered = line.partition("-")
    repeated = lowered and method in compression_methods.METHODS
    return f"{line} (fewer zeros, because {method} loses too much accuracy)" if repeated else line
