"""Measure recipes and keep what came out: `python -m kerasdl.recipes.record [NAME...]`.

The files in `results/` are written here and nowhere else; a test compares them with the recipes.
"""

import argparse
import pathlib
import tempfile

import keras

from kerasdl import recipes
from kerasdl.recipes.run import write_json


def record(name: str, seeds: list[int]):
    """Run a recipe once for each seed and write its result file."""
    recipe = recipes.get(name)
    result = {"recipe": recipe.to_json(), "seeds": {}}
    for seed in seeds:
        keras.utils.clear_session()
        with tempfile.TemporaryDirectory() as folder:
            run = recipe.replace(seed=seed).run(pathlib.Path(folder) / name)
            result["versions"] = run.config["versions"]
            result["seeds"][seed] = run.metrics
            if name == "simple_cnn" and seed == recipe.seed:
                # without the optimizer's memory, which is twice the size of the weights
                judge = type(run.model).from_config(run.model.get_config())
                judge.set_weights(run.model.get_weights())
                judge.save(recipes.JUDGE)
        print(name, "seed", seed, run.metrics, *(f"{b} {holds}" for b, _, holds in run.bars()))
    write_json(recipes.RESULTS / f"{name}.json", result)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=recipes.names())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    for name in arguments.names:
        record(name, arguments.seeds)


if __name__ == "__main__":
    main()
