"""Train, compress and describe what `saved_models/` holds: `make saved-models`, or

    python -m kerasdl.publishing.publish [NAME...] [--measure]

Nothing in that folder is written by hand: weights, files, `result.json` and cards come from here,
and a test evaluates them again. With `--measure` nothing is trained: the existing files are timed
again, and all cards are rewritten. Runs are kept in `runs/published/` and not trained again.
"""

import argparse
import hashlib
import json
import pathlib
import platform
import shutil
import zipfile
from collections.abc import Callable, Sequence
from typing import cast

import keras
import numpy as np

from kerasdl import export, seed
from kerasdl.data import Splits
from kerasdl.errors import InvalidInput
from kerasdl.publishing import card, catalog
from kerasdl.recipes.record import without_optimizer
from kerasdl.runs import export as exporting
from kerasdl.runs.run import Run
from kerasdl.tasks.classification import Classification
from kerasdl.tasks.task import Task, gather
from kerasdl.utils.files import write_json

FOLDER = card.FOLDER
RUNS = pathlib.Path("runs/published")
METHODS = ("float", *(method for method in exporting.METHODS if method != "none"))
CALIBRATED = ("int8", "int16x8")


def publish(name: str, folder: pathlib.Path = FOLDER, runs: pathlib.Path = RUNS):
    """Fill `folder/name` with the trained model, its float files, and the smallest good ones."""
    # only workers beside the chief get no run
    run = cast(Run, catalog.get(name).recipe.run(runs / name))
    splits = run.load_data()
    rows, files = judge(run, _convert(run, splits), splits)
    best = smallest(rows)

    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    kept = without_optimizer(getattr(run.model, "generator", run.model))
    _save(kept, place / "model.keras")
    for method in ("float", best):
        names = file_names([*files[method]], method)
        for part, file in files[method].items():
            shutil.copy(file.path, place / names[part])
    parts = functions_of(run.task, run.model, splits)
    # losses that concern the discriminator say nothing about the generator alone
    test = {k: v for k, v in run.metrics["test"].items() if not k.endswith("_loss")}
    result = {
        "recipe": run.recipe.to_json(),
        "versions": {**run.config["versions"], "python": platform.python_version()},
        "info": run.config["info"],
        "data": fingerprint(splits),
        "module": type(kept).__module__,
        "about": card.about(run.recipe, kept.count_params()),
        "seconds": run.metrics["seconds"],
        "test": test,
        "keras": run.task.measure(parts, run.model, splits),
        "parts": [*files["float"]],
        "tried": rows,
        "best": best,
    }
    write_json(place / "result.json", result)
    measure(name, folder)


def measure(name: str, folder: pathlib.Path = FOLDER):
    """Measure sizes and latencies of the files in `folder/name`, and write the card."""
    place = folder / name
    result = json.loads((place / "result.json").read_text(encoding="utf-8"))
    result["machine"] = f"one thread of an {platform.machine().replace('_', '-')} CPU"
    result["files"] = {}
    for path in sorted([place / "model.keras", *place.glob("*.tflite")]):
        result["files"][path.name] = {"bytes": path.stat().st_size}
        if path.suffix == ".tflite":
            result["files"][path.name] |= {
                "zipped": export.LiteRTModel(path).zipped_size,
                "median_ms": export.benchmark(path).median,
            }
    write_json(place / "result.json", result)
    (place / "card.md").write_text(card.write(name, result, folder), encoding="utf-8")


def write_index(folder: pathlib.Path = FOLDER):
    """Write the table of all models in the folder."""
    results = {
        name: json.loads((folder / name / "result.json").read_text(encoding="utf-8"))
        for name in catalog.names()
        if (folder / name / "result.json").exists()
    }
    (folder / "README.md").write_text(card.index(results), encoding="utf-8")


def judge(run: Run, found: dict, splits: Splits) -> tuple[list[dict], dict]:
    """Measure the files of each method: rows for a table, and the files by method and part.

    Args:
        run: The run they come from.
        found: dict, by method the files by part, or the reason why there are none.
        splits: The data.
    """
    criterion = run.task.criterion
    rows, files = [], {}
    for method, parts in found.items():
        if isinstance(parts, str):
            rows.append({"method": method, "refused": parts})
            continue
        functions = {name: file.predict for name, file in parts.items()}
        numbers = run.task.measure(functions, run.model, splits)
        whole = rows[0] if rows else numbers
        rows.append(
            {
                "method": method,
                **numbers,
                "bytes": sum(file.size for file in parts.values()),
                "zipped": sum(file.zipped_size for file in parts.values()),
                "enough": criterion.holds(numbers[criterion.metric], whole[criterion.metric]),
            }
        )
        files[method] = parts
    return rows, files


def smallest(rows: list[dict]) -> str:
    """The method whose files are good enough and smallest when zipped."""
    enough = [row for row in rows if row.get("enough") and row["method"] != "float"]
    return min(enough, key=lambda row: row["zipped"])["method"]


def file_names(parts: Sequence[str], method: str) -> dict[str, str]:
    """File names by part: `int8.tflite`, or `encoder-int8.tflite` if there are several parts."""
    return {
        part: f"{part}-{method}.tflite" if len(parts) > 1 else f"{method}.tflite" for part in parts
    }


def files_of(
    folder: pathlib.Path, parts: Sequence[str], method: str
) -> dict[str, export.LiteRTModel]:
    """The files of a method in a folder, by part."""
    names = file_names(parts, method)
    return {part: export.LiteRTModel(folder / name) for part, name in names.items()}


def functions_of(task: Task, model: keras.Model, splits: Splits) -> dict[str, Callable]:
    """The Keras networks of a model as functions of arrays, which compute what the files do."""
    return {name: _function(part) for name, part in task.exports(model, splits).items()}


def fingerprint(splits: Splits) -> str:
    """A hash of the test inputs: another version of Python has another manual."""
    inputs = gather(splits.test)[0]
    return hashlib.sha256(inputs.tobytes()).hexdigest()[:16]


def _function(part):
    # the files of classifiers give logits, as `kerasdl compress` writes them
    activate = keras.activations.get("sigmoid" if part.activation == "sigmoid" else None)

    def run(x):
        batches = [x[i : i + 100] for i in range(0, len(x), 100)]
        return np.concatenate([activate(part.model.predict_on_batch(batch)) for batch in batches])

    return run


def _convert(run, splits):
    """By method, the files by part in the run's folder, or the reason why there are none."""
    if isinstance(run.task, Classification):
        rows = run.compress(progress=lambda method: _report(run, method))
        return {row["method"]: {"model": export.LiteRTModel(row["file"])} for row in rows}
    output = run.path / "export"
    output.mkdir(exist_ok=True)
    exports = run.task.exports(run.model, splits)
    # files are judged on the test split, so they are calibrated on another
    others = Splits(splits.train, None, splits.train, splits.info, splits.epoch)
    ranges = run.task.exports(run.model, others)
    found = {}
    for method in METHODS:
        _report(run, method)
        names = file_names([*exports], method)
        inputs = {
            name: part.first(exporting.CALIBRATION) if method in CALIBRATED else None
            for name, part in ranges.items()
        }
        try:
            found[method] = {
                name: export.to_litert(
                    part.model,
                    output / names[name],
                    quantize=None if method == "float" else method,
                    calibration=inputs[name],
                    activation=part.activation,
                    example=part.first(1) if part.has_free_size else None,
                    **exporting.description_of(name, run, part.shape),
                )
                for name, part in exports.items()
            }
        except InvalidInput as refusal:
            found[method] = str(refusal)
    return found


def _report(run, method):
    print(f"{run.recipe.name}: {method}", flush=True)


def _save(model, path):
    """Save a `.keras` file compressed, which Keras does not do."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=catalog.names())
    parser.add_argument("--measure", action="store_true", help="train nothing, time what is there")
    arguments = parser.parse_args()
    for name in arguments.names:
        seed.set_seed(0)
        measure(name) if arguments.measure else publish(name)
        print(f"{FOLDER / name}: done", flush=True)
    write_index()


if __name__ == "__main__":
    main()
