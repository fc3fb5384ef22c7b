"""The cards that `kerasdl list` and `info` show, made without importing TensorFlow."""

import ast
import json
import os
import pathlib
import platform
from importlib import metadata
from typing import Any

from kerasdl import data as datasets
from kerasdl import errors, recipes, registry
from kerasdl.cli import elsewhere
from kerasdl.cli import listing as listing_file
from kerasdl.utils import plain_text, tables

PACKAGE = pathlib.Path(__file__).parents[1]


def layers() -> dict[str, str]:
    """Return the docstrings of all layers, by class name."""
    found = {}
    for file in sorted(PACKAGE.glob("layers/*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = ast.get_docstring(node) or ""
    return found


def summaries() -> dict:
    """Return parameters, MACs and layers of every model, as `make summaries` counted them."""
    return json.loads((PACKAGE / "summaries.json").read_text(encoding="utf-8"))


def result(name: str) -> dict | None:
    """Return the recorded result of a recipe, by seed."""
    file = PACKAGE / "recipes" / "results" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def listing() -> dict[str, list[dict]]:
    """Return the rows of the tables that `kerasdl list` shows, by title."""
    shown = {"recipes": _recipes(), "layers": _layers(), "data": _data()}
    for topic in sorted({entry.topic for entry in registry.entries().values()}):
        shown[f"models: {topic}"] = _models(topic)
    return shown


def _recipes():
    rows = []
    for recipe in map(recipes.get, recipes.names()):
        bars = ", ".join(f"{bar.metric} {bar}" for bar in recipe.bars)
        rows.append({"recipe": recipe.name, "data": recipe.data, "bar": bars or "-"})
        rows[-1]["what"] = recipe.summary
    return rows


def _layers():
    return [{"layer": name, "what": doc.splitlines()[0]} for name, doc in layers().items()]


def _data():
    cards = {name: datasets.card(name) for name in datasets.names()}
    return [{"data": name, "what": card.splitlines()[0]} for name, card in cards.items()]


def _models(topic):
    counts = summaries()
    rows = []
    for entry in registry.entries().values():
        if entry.topic == topic:
            parameters = counts.get(entry.name, {}).get("parameters")
            rows.append({"model": entry.name, "parameters": parameters})
            rows[-1]["what"] = entry.docstring.splitlines()[0]
    return rows


def show_installed(as_json: bool = False):
    """Print the versions of what computes, and whether oneDNN's kernels are used."""
    packages = ("kerasdl", "keras", "tensorflow", "numpy")
    found = {"python": platform.python_version(), **{p: metadata.version(p) for p in packages}}
    variable = "TF_ENABLE_ONEDNN_OPTS"  # `import kerasdl` sets it to 1 if it is not set
    if os.environ[variable].lower() in ("1", "true"):
        found["oneDNN"] = f"on (faster on x86 processors; {variable}=0 turns it off)"
    else:
        found["oneDNN"] = f"off ({variable}={os.environ[variable]}; 1 turns it on)"
    if as_json:
        tables.print_json(found)
    else:
        for name, value in found.items():
            print(f"{name} {plain_text.for_terminal(value)}")


def show(name: str, as_json: bool = False):
    """Print the cards of all models, recipes, layers and datasets with a name.

    The card of a model has a row for each layer, with shape and parameters. Of a pattern that
    several names match, such as "resnet*", the rows of `kerasdl list` are printed.
    """
    is_pattern = bool(listing_file.SIGNS & set(name))
    listed = listing_file.matching(name, listing_file.read()) if is_pattern else {}
    names = dict.fromkeys(next(iter(row.values())) for rows in listed.values() for row in rows)
    if len(names) > 1:
        return listing_file.show(name, as_json)
    (name,) = names or [name]
    found: dict[str, dict[str, Any]] = {}
    if name in registry.entries():
        entry = registry.entries()[name]
        found["model"] = {"options": entry.options, "docstring": entry.docstring}
        found["model"].update(summaries().get(name, {}))
    if name in recipes.names():
        found["recipe"] = {**recipes.get(name).to_json(), "result": result(name)}
    if name in layers():
        found["layer"] = {"docstring": layers()[name]}
    if name in datasets.names():
        found["data"] = {"card": datasets.card(name)}
    if not found and elsewhere.show(name, as_json):
        return
    if not found:
        known = [*registry.entries(), *recipes.names(), *layers(), *datasets.names()]
        errors.one_of("name", name, known, lister="kerasdl list")
    if as_json:
        tables.print_json(found)
    else:
        _print(name, found)


def _print(name, found):
    for kind, card in found.items():
        print(f"{name} ({kind})")
        print(card.get("docstring") or card.get("card") or card.get("summary"))
        if "layers" in card:
            print(f"\n{card['parameters']:,} parameters, {card['macs']:,} multiply-accumulates")
            tables.show(card["layers"])
        if kind == "recipe":
            _print_recipe(recipes.get(name), card["result"])
        print()


def _print_recipe(recipe, recorded):
    print(
        f"trains {recipe.model} on {recipe.data}: {recipe.epochs} epochs, "
        f"batch size {recipe.batch_size}, learning rate {recipe.learning_rate:g}, "
        f"augmentation {recipe.augment or 'none'}"
    )
    for bar in recipe.bars:
        print(f"must reach {bar.metric} {bar}", end="")
        seeds = (recorded or {}).get("seeds", {})
        reached = [f"{run['test'][bar.metric]:.4g}" for run in seeds.values()]
        print(f"; reached {', '.join(reached)} with seeds {', '.join(seeds)}" if seeds else "")
