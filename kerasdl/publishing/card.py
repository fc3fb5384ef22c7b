"""The cards and the table of `saved_models/`: every number is from `result.json`."""

import pathlib

from kerasdl import registry, tasks
from kerasdl.export import card as export_card
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.publishing import catalog
from kerasdl.recipes import Recipe
from kerasdl.runs import prepare
from kerasdl.tasks.task import Task
from kerasdl.utils import plain_text

CARD = """\
# {name}

{summary}. {changes}

- Model: {model}
- Data: {data}
- Recipe: {recipe}
- Training took {seconds:.0f} s. Versions: {versions}.

Written by `python -m kerasdl.publishing.publish {name}`; every number is from `result.json`.

## Result

The Keras model on the test split, as `kerasdl train` reports it:

{test}

The files on the same data. A file is good enough with {criterion}. The smallest of the good ones,
when zipped, is in this folder.

{tried}

{meanings}

{methods}

## Files

{files}

Latency is the median of one call on {machine}, with LiteRT.

## Use

{usage}

{scripts}

## Limits

{limits}
"""

FOLDER = pathlib.Path("saved_models")
KERAS = """\
In Keras, to continue training or to inspect it:

```python
import keras
import {module}  # the class that the file names

model = keras.models.load_model("{folder}/model.keras")
{line}
```
"""

INDEX = """\
# Trained models

Small models, trained on the data that the package carries, each in three forms: Keras, a float
LiteRT file, and the smallest LiteRT file that is as good. `make saved-models` makes this folder,
and a test evaluates every file again.

{table}

The result is the deciding metric of the Keras model, the float file and the small one; the cards
explain it. `kerasdl bench saved_models` times the files on your machine, and `kerasdl demo
saved_models/simple_cnn` lets you draw digits for a classifier.
"""


def write(name: str, result: dict, folder: pathlib.Path = FOLDER) -> str:
    """The card of one model, in Markdown; its files are in `folder/name`."""
    publication = catalog.get(name)
    recipe = Recipe.from_json(result["recipe"])
    task = tasks.get(recipe.task)
    meanings = {metric.name: metric.meaning for metric in task.metrics}
    bars = {bar.metric: str(bar) for bar in recipe.bars}
    test = [{"measure": k, "test": v, "bar": bars.get(k)} for k, v in result["test"].items()]
    text = CARD.format(
        name=name,
        summary=publication.recipe.summary[0].upper() + publication.recipe.summary[1:],
        changes=_changes(publication),
        model=result["about"],
        data=_data(result["info"]),
        recipe=_recipe(recipe),
        seconds=result["seconds"],
        versions=", ".join(f"{package} {v}" for package, v in result["versions"].items()),
        test=_table(test),
        criterion=task.criterion.text,
        tried=_table([{"method": "Keras", **result["keras"]}, *map(_tried, result["tried"])]),
        meanings="\n".join(
            f"- `{key}`: {meanings[key]}" for key in {**result["test"], **result["keras"]}
        ),
        methods="\n".join(_methods(result["tried"])),
        files=_table([_file(file, facts) for file, facts in result["files"].items()]),
        machine=result["machine"],
        usage=usage(name, task, result),
        scripts="\n\n".join(_scripts(folder / name, result["best"])),
        limits=publication.limits,
    )
    return text.replace("  \n", "\n").replace(". \n", ".\n")


def usage(name: str, task: type[Task], result: dict) -> str:
    """How the model is used, with code."""
    info, recipe = result["info"], Recipe.from_json(result["recipe"])
    image = f"(1, {', '.join(map(str, info['shape']))})"
    values = {
        "folder": f"saved_models/{name}",
        "best": result["best"],
        "data": recipe.data,
        "input_shape": image,
        "output_shape": image,
        "outputs": len(info["classes"] or "1"),
    }
    keras = KERAS.replace("{line}", task.keras_usage)
    keras = keras.format(module=result["module"], folder=values["folder"])
    return f"{task.usage.format(**values)}\n{keras}".strip()


def _scripts(folder, best):
    """How each file of the best method is used without this package."""
    for file in sorted(folder.glob(f"*{best}.tflite")):
        path = FOLDER / folder.name / file.name
        text = "\n" + export_card.usage(LiteRTModel(file), path.as_posix()).rstrip()
        text = text.replace("\n## ", "\n#### ")
        yield f"### `{file.name}` without kerasdl\n{text}"


def index(results: dict[str, dict]) -> str:
    """The table of all models, in Markdown."""
    rows = []
    for name, result in results.items():
        recipe = Recipe.from_json(result["recipe"])
        metric = tasks.get(recipe.task).criterion.metric
        by_method = {row["method"]: row for row in result["tried"]}
        whole, small = by_method["float"], by_method[result["best"]]
        numbers = (result["keras"][metric], whole[metric], small[metric])
        rows.append(
            {
                "model": f"[{name}]({name}/card.md)",
                "what": catalog.get(name).recipe.summary,
                "result": f"{metric} " + ", ".join(map(_cell, numbers)),
                "float kB": _kilobytes(whole["bytes"]),
                "best": result["best"],
                "kB": _kilobytes(small["bytes"]),
                "zipped kB": _kilobytes(small["zipped"]),
            }
        )
    return INDEX.format(table=_table(rows))


def about(recipe: prepare.Recipe, parameters: int) -> str:
    """What a model is: the first line and the reference of its class's docstring."""
    paragraphs = registry.entries()[recipe.model].docstring.split("\n\n")
    reference = next((text for text in paragraphs if text.startswith("Reference")), "")
    return " ".join([paragraphs[0], f"{parameters:,} parameters.", *reference.split()])


def _changes(publication):
    if not publication.changes:
        return ""
    values = [f"`{k}={v}`" for k, v in publication.changes.items() if k != "bars"]
    command = f"`kerasdl train {publication.name}`"
    return f"Unlike what {command} trains, with {', '.join(values)}. {publication.reason}"


def _data(info):
    counts = [f"{n:,} to {_PURPOSES[split]}" for split, n in info["counts"].items() if n]
    card = " ".join(info["card"].partition("\n\n")[0].split())
    return f"{card} Examples: {', '.join(counts)}."


OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon"}
_PURPOSES = {"train": "train", "validation": "validate", "test": "test"}


def _recipe(recipe):
    changed = {**recipe.data_options, **recipe.model_options, **recipe.task_options}
    parts = [
        f"{recipe.epochs} epochs",
        f"batches of {recipe.batch_size}",
        f"{OPTIMIZERS[recipe.optimizer]} with a learning rate of at most {recipe.learning_rate:g}",
        f"weight decay {recipe.weight_decay:g}",
        f"augmentation {recipe.augment or 'none'}",
        f"seed {recipe.seed}",
        *(f"`{key}={value!r}`" for key, value in changed.items()),
    ]
    return ", ".join(parts) + "."


METHODS = {
    "float": "as trained",
    "float16": "weights of 16 bits",
    "dynamic": "weights of 8 bits",
    "int8": "weights and activations of 8 bits",
    "int16x8": "weights of 8 bits, activations of 16",
    "int4": "weights of 4 bits",
    "prune": "0.8 of the weights set to zero, with further training",
    "qat": "quantization-aware training for 8 bits",
    "pqat": "prune, then qat that keeps the zeros",
    "cqat": "16 different weights in each layer, then qat",
    "pcqat": "prune, then 16 different weights in each layer, then qat",
}


def _methods(rows):
    """What each method of a table is; `pqat-0.6` has another fraction of zeros."""
    for method in (row["method"] for row in rows):
        base, _, sparsity = method.partition("-")
        yield f"- `{method}`: {METHODS[base]}{f'; with {sparsity} of zeros' if sparsity else ''}"


def _tried(row):
    if "refused" in row:
        return {
            "method": row["method"],
            "good enough": f"refused: {plain_text.for_markdown(row['refused'])}",
        }
    sizes = {"kB": _kilobytes(row["bytes"]), "zipped kB": _kilobytes(row["zipped"])}
    others = {k: v for k, v in row.items() if k not in ("bytes", "zipped", "enough")}
    return {**others, **sizes, "good enough": row["enough"]}


def _file(name, facts):
    return {
        "file": name,
        "bytes": facts["bytes"],
        "zipped": facts.get("zipped"),
        "ms": facts.get("median_ms"),
    }


def _kilobytes(count):
    return f"{count / 1000:,.1f}"


def _table(rows):
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row.get(column)) for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
