"""Measure recipes and write their results: `python -m kerasdl.recipes.record [NAME...]`.

The files in `results/` are written here and nowhere else; a test compares them with the recipes.
"""

import argparse
import json
import pathlib
import tempfile
from typing import cast

import keras

from kerasdl import recipes
from kerasdl.runs.run import Run
from kerasdl.tasks.generation import CLASSIFIERS
from kerasdl.utils.files import write_json

# for each dataset, the recipe whose classifier evaluates generated images
JUDGES = {"digits": "simple_cnn"}


def record(name: str, seeds: list[int]):
    """Run a recipe once for each seed; keep recorded results of other seeds."""
    recipe = recipes.get(name)
    file = recipes.RESULTS / f"{name}.json"
    result = {"recipe": recipe.to_json(), "seeds": {}}
    if file.exists():
        old = json.loads(file.read_text(encoding="utf-8"))
        if recipes.Recipe.from_json(old["recipe"]) == recipe:
            result = {**old, **result, "seeds": old["seeds"]}
    for seed in seeds:
        keras.utils.clear_session()
        with tempfile.TemporaryDirectory() as folder:
            # `run` returns None only for workers that are not the chief
            run = cast(Run, recipe.replace(seed=seed).run(pathlib.Path(folder) / name))
            result["versions"] = run.config["versions"]
            result["seeds"][str(seed)] = run.metrics
            if JUDGES.get(recipe.data) == name and seed == recipe.seed:
                without_optimizer(run.model).save(CLASSIFIERS / f"{recipe.data}.keras")
        write_json(file, result)
        print(name, "seed", seed, run.metrics, *(f"{b} {holds}" for b, _, holds in run.bars()))


def without_optimizer(model: keras.Model) -> keras.Model:
    """Return the model without the optimizer's state, which is twice as large as the weights."""
    bare = type(model).from_config(model.get_config())
    bare.set_weights(model.get_weights())
    return bare


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=recipes.names())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    for name in arguments.names:
        record(name, arguments.seeds)


if __name__ == "__main__":
    main()
