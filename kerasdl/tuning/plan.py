"""What a search is to do, checked before anything is written or run."""

import dataclasses
import functools
import pathlib
import time

import keras_tuner

from kerasdl import errors, recipes
from kerasdl.errors import InvalidInput
from kerasdl.recipes import spaces, training
from kerasdl.recipes.recipe import Recipe
from kerasdl.tuning import objective, oracles, parameters

VALIDATION = 0.2  # share of the training data that judges, where a recipe lets none


@dataclasses.dataclass(frozen=True)
class Plan:
    """A search's settings; those of `fixed` cannot change when it goes on."""

    recipe: Recipe
    parameters: tuple
    objective: objective.Objective
    folder: pathlib.Path
    tuner: str
    trials: int
    seconds: float | None = None
    trial_seconds: float | None = None
    patience: int = 5
    combinations: list | None = None
    seed: int = 0
    fast: bool = False

    def fixed(self) -> dict:
        """What makes it this search and no other."""
        return {
            "recipe": self.recipe.to_json(),
            "hyper-parameters": [p.name for p in self.parameters],
            "objective": dataclasses.asdict(self.objective),
            "tuner": self.tuner,
            "trial-time": self.trial_seconds,
            "patience": self.patience,
            "combinations": self.combinations,
            "seed": self.seed,
            "fast": self.fast,
        }

    @functools.cached_property
    def hyperparameters(self) -> keras_tuner.HyperParameters:
        hp = keras_tuner.HyperParameters()
        parameters.declare(hp, self.parameters, self.recipe)
        return hp

    def oracle(self, seconds: float | None = None):
        """The oracle, with so many seconds left."""
        options = {"combinations": self.combinations} if self.combinations else {}
        oracle = oracles.make(
            self.tuner,
            self.objective,
            self.hyperparameters,
            trials=self.trials,
            seed=self.seed,
            epochs=self.recipe.epochs,
            first={p.name: p.start(self.recipe) for p in self.parameters},
            **options,
        )
        oracle.deadline = None if seconds is None else time.monotonic() + seconds
        return oracle

    def trial_folder(self, number: int) -> pathlib.Path:
        return self.folder / "trials" / f"{number:04d}"

    def trial(self, values: dict, epochs: int | None, seconds: float | None) -> dict:
        """What a trial's process must know."""
        recipe = spaces.change(self.recipe, self.parameters, values).replace(epochs=epochs)
        limits = [limit for limit in (self.trial_seconds, seconds) if limit is not None]
        return {
            "values": values,
            "recipe": recipe.to_json(),
            "metric": self.objective.metric,
            "patience": min(self.patience, recipe.epochs),
            "seconds": min(limits, default=None),
            "fast": self.fast,
        }


def make(recipe: Recipe, out=None, *, tuner, trials, validation=None, only=(), **settings) -> Plan:
    """Check everything and look at the data, of which a part must be left to judge by."""
    errors.one_of("tuner", tuner, oracles.NAMES)
    fast = settings.get("fast", False)
    if trials < 1:
        raise InvalidInput("value for `trials`", "a positive integer", trials)
    parameters.parameters_of(recipe, only=only)  # a wrong name is found before data are read
    if validation is not None:
        recipe = _judged_by(recipe, validation)
    info = training.load_data(recipe).info
    if not info.counts["validation"]:
        if validation is not None:
            raise InvalidInput("value for `validation`", "a share that leaves some", validation)
        recipe = _judged_by(recipe, VALIDATION)
        info = training.load_data(recipe).info
    recipe = recipe.replace(epochs=1) if fast else recipe
    patience = settings.pop("patience", None) or max(5, recipe.epochs // 5)
    catalogued = recipes.get(recipe.name).bars
    return Plan(
        recipe=recipe,
        parameters=parameters.parameters_of(recipe, info, only),
        objective=objective.objective_of(catalogued, recipe, info),
        folder=pathlib.Path(out) if out else _folder(recipe, tuner, settings.get("seed", 0), fast),
        tuner=tuner,
        trials=min(trials, 2) if fast else trials,
        patience=patience,
        **settings,
    )


def _judged_by(recipe, share):
    return recipe.replace(data_options={**recipe.data_options, "validation": share})


def _folder(recipe, tuner, seed, fast):
    data = pathlib.Path(recipe.data.replace(":", "-")).stem
    tail = "-fast" if fast else ""
    return pathlib.Path("tunings") / f"{recipe.name}-{data}-{tuner}-seed{seed}{tail}"
