"""LiteRT files of a run by every method, and which of them is the smallest good one."""

import pathlib

from kerasdl import export
from kerasdl.data import Splits
from kerasdl.errors import InvalidInput
from kerasdl.recipes import exporting, training
from kerasdl.recipes.publishing import quality
from kerasdl.recipes.run import Run

METHODS = ("float", *(method for method in exporting.METHODS if method != "none"))
RANGED = ("int8", "int16x8")
CALIBRATION = 256  # examples of the training data


def make(run: Run, splits: Splits) -> dict:
    """By method, the files by part, in the run's folder; or the refusal to convert."""
    return _classifiers(run) if run.recipe.task == "supervised" else _converted(run, splits)


def judge(run: Run, found: dict, splits: Splits) -> tuple[list[dict], dict]:
    """A row for each method, and the files of those that gave files."""
    criterion = quality.CRITERIA[run.recipe.task]
    rows, files = [], {}
    for method, parts in found.items():
        if isinstance(parts, str):
            rows.append({"method": method, "refused": parts})
            continue
        functions = {name: file.predict for name, file in parts.items()}
        numbers = quality.measure(run.recipe, functions, run.model, splits)
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


def chosen(rows: list[dict]) -> str:
    """The method of the smallest files, zipped, that are good enough."""
    enough = [row for row in rows if row.get("enough") and row["method"] != "float"]
    return min(enough, key=lambda row: row["zipped"])["method"]


def file_names(parts: list[str], method: str) -> dict[str, str]:
    """`int8.tflite`, or `encoder-int8.tflite` where a model has several parts, by part."""
    return {
        part: f"{part}-{method}.tflite" if len(parts) > 1 else f"{method}.tflite" for part in parts
    }


def files_of(folder: pathlib.Path, parts: list[str], method: str) -> dict[str, export.LiteRTModel]:
    """A method's files in a folder, by part."""
    names = file_names(parts, method)
    return {part: export.LiteRTModel(folder / name) for part, name in names.items()}


def _classifiers(run):
    """What `kerasdl compress` makes of the run, by method."""
    rows = run.compress(progress=lambda method: print(f"{run.recipe.name}: {method}", flush=True))
    return {row["method"]: {"model": export.LiteRTModel(row["file"])} for row in rows}


def _converted(run, splits):
    work = run.path / "export"
    work.mkdir(exist_ok=True)
    exports = training.task_of(run.recipe).exports(run.model, splits)
    # files are judged by the test split, so what sets their ranges is of another
    others = Splits(splits.train, None, splits.train, splits.info, splits.epoch)
    ranges = training.task_of(run.recipe).exports(run.model, others)
    found = {}
    for method in METHODS:
        print(f"{run.recipe.name}: {method}", flush=True)
        names = file_names([*exports], method)
        try:
            found[method] = {
                name: export.to_litert(
                    part.model,
                    work / names[name],
                    quantize=None if method == "float" else method,
                    calibration=ranges[name].inputs[:CALIBRATION] if method in RANGED else None,
                    activation=part.activation,
                    example=part.inputs[:1] if None in part.model.input_shape[1:] else None,
                    **exporting.facts(name, run, part.inputs.shape[1:]),
                )
                for name, part in exports.items()
            }
        except InvalidInput as refusal:
            found[method] = str(refusal)
    return found
