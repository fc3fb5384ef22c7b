"""Train, shrink and describe what `saved_models/` holds: `make saved-models`, or

    python -m kerasdl.recipes.publish [NAME...] [--measure]

Nothing there is written by hand: weights, files, `result.json` and cards come from here, and a test
judges them again. With `--measure` nothing is trained: the files that are there are timed again,
and all cards are written anew. Runs stay in `runs/published/`: what is there is not trained again.
"""

import argparse
import json
import pathlib
import platform
import shutil
import zipfile

from kerasdl import export, seed
from kerasdl.recipes import training
from kerasdl.recipes.publishing import card, catalog, making, quality
from kerasdl.recipes.record import without_optimizer
from kerasdl.utils.files import write_json

FOLDER = pathlib.Path("saved_models")
RUNS = pathlib.Path("runs/published")


def publish(name: str, folder: pathlib.Path = FOLDER, runs: pathlib.Path = RUNS):
    """Fill `folder/name` with the trained model, its float files, and the smallest good ones."""
    publication = catalog.get(name)
    run = publication.recipe.run(runs / name)
    splits = training.load_data(run.recipe)
    rows, files = making.judge(run, making.make(run, splits), splits)
    best = making.chosen(rows)

    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    kept = without_optimizer(getattr(run.model, "generator", run.model))
    _save(kept, place / "model.keras")
    for method in ("float", best):
        names = making.file_names([*files[method]], method)
        for part, file in files[method].items():
            shutil.copy(file.path, place / names[part])
    metrics = run.metrics["test"]
    if run.recipe.task == "adversarial":  # what is said of a discriminator, which is not kept
        metrics = {key: value for key, value in metrics.items() if not key.endswith("_loss")}
    result = {
        "recipe": run.recipe.to_json(),
        "versions": {**run.config["versions"], "python": platform.python_version()},
        "info": run.info,
        "data": quality.fingerprint(splits),
        "module": type(kept).__module__,
        "about": card.about(run.recipe, kept.count_params()),
        "seconds": run.metrics["seconds"],
        "test": metrics,
        "keras": quality.measure(
            run.recipe, quality.keras_parts(run.recipe, run.model, splits), run.model, splits
        ),
        "parts": [*files["float"]],
        "tried": rows,
        "best": best,
    }
    write_json(place / "result.json", result)
    measure(name, folder)


def measure(name: str, folder: pathlib.Path = FOLDER):
    """Write down sizes and latencies of what is in `folder/name`, and the card that tells them."""
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
    (place / "card.md").write_text(card.write(name, result), encoding="utf-8")


def write_index(folder: pathlib.Path = FOLDER):
    """The table of all that is in the folder."""
    results = {
        name: json.loads((folder / name / "result.json").read_text(encoding="utf-8"))
        for name in catalog.names()
        if (folder / name / "result.json").exists()
    }
    (folder / "README.md").write_text(card.index(results), encoding="utf-8")


def _save(model, path):
    """A `.keras` file, whose archive Keras leaves uncompressed."""
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
