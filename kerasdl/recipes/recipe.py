"""A recipe: everything that a training run needs to be repeated, as plain data."""

import dataclasses
import math
import pathlib

from kerasdl import errors
from kerasdl.data import catalog
from kerasdl.utils import files

TASKS = ("supervised", "reconstruction", "adversarial", "language")


@dataclasses.dataclass(frozen=True)
class Bar:
    """What a test metric must reach."""

    metric: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def holds(self, metrics: dict) -> bool:
        return self.at_least <= metrics[self.metric] <= self.at_most

    def __str__(self):
        limits = [f">= {self.at_least:g}"] if self.at_least > -math.inf else []
        limits += [f"<= {self.at_most:g}"] if self.at_most < math.inf else []
        return " and ".join(limits)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Data, model, optimizer, epochs, seed, and the result that must come out.

    Args:
        name: What `kerasdl train` calls it.
        summary: One line for `kerasdl list`.
        task: Which file of `recipes.tasks` knows how to compile, judge and draw it.
        model: A name of `kerasdl.list_models()`, with `model_options`.
        data: What `kerasdl.data.load` takes, with `augment` and `data_options`.
        learning_rate: Peak of a warm-up over `warmup` epochs and a cosine down to zero.
        steps_per_execution: Training steps that TensorFlow runs without asking Python.
        task_options: What only this task has, such as label smoothing.
        bars: What the test metrics must reach on embedded data; all must hold.
    """

    name: str
    summary: str
    task: str
    model: str
    data: str
    epochs: int
    bars: tuple = ()
    batch_size: int = 64
    augment: str | bool = False
    learning_rate: float = 1e-3
    warmup: float = 1.0
    weight_decay: float = 0.0
    steps_per_execution: int = 8
    seed: int = 0
    image_size: int | None = None
    data_options: dict = dataclasses.field(default_factory=dict)
    model_options: dict = dataclasses.field(default_factory=dict)
    task_options: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        errors.one_of("task", self.task, TASKS)
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                expected = f"an integer of at least {least}"
                raise errors.InvalidInput(f"value for `{name}`", expected, value)
        if self.seed >= 2**31:
            raise errors.InvalidInput("value for `seed`", "an integer below 2^31", self.seed)

    def replace(self, **changes) -> "Recipe":
        """The same recipe with some values changed; `None` leaves a value as it is."""
        changes = {name: value for name, value in changes.items() if value is not None}
        if changes.get("data", self.data) != self.data:
            # the embedded set's own options and bars mean nothing for other data
            kept = {"data_options": {}, "bars": ()}
            augment = self.augment if catalog.may_hold_images(changes["data"]) else False
            changes = {**kept, "augment": augment, **changes}
        return dataclasses.replace(self, **changes)

    def run(
        self,
        out: str | pathlib.Path | None = None,
        *,
        fast=False,
        progress=True,
        strategy: str = "auto",
        save_seconds: float = 5.0,
        deterministic: bool = False,
        on_nan: str = "stop",
    ):
        """Train, judge and draw; the result is a `Run`, kept in the folder `out`.

        A folder that holds an unfinished run of the same recipe is resumed, a finished one opened.

        Args:
            out: The run folder; by default one under `runs/` that the recipe's values name.
            fast: One batch of everything, to see that it works.
            progress: Show a progress bar.
            strategy: On what: see `kerasdl.distribute.strategy`. The batch size is that of all
                replicas together.
            save_seconds: How much work a kill may cost; saving too often costs time.
            deterministic: Forbid, in this process, operations whose results vary in their last
                bits: see `kerasdl.set_seed`.
            on_nan: At a loss that is NaN or infinite "stop", or "lower": go back to what was saved
                last and halve the learning rate, at most five times.
        """
        if not save_seconds >= 0:  # nor NaN
            raise errors.InvalidInput("value for `save_seconds`", "a number from 0", save_seconds)
        from kerasdl.recipes import training  # TensorFlow from here on

        folder = out or self.folder(fast)
        return training.train(
            self,
            folder,
            fast=fast,
            progress=progress,
            strategy=strategy,
            save_seconds=save_seconds,
            deterministic=deterministic,
            on_nan=on_nan,
        )

    def folder(self, fast=False) -> pathlib.Path:
        """Where the run goes by default: the same values, the same folder."""
        data = files.safe_name(pathlib.Path(self.data.replace(":", "-")).stem)
        tail = "-fast" if fast else ""
        return pathlib.Path("runs") / f"{self.name}-{data}-seed{self.seed}{tail}"

    def to_json(self) -> dict:
        values = {**dataclasses.asdict(self), "bars": [dataclasses.asdict(b) for b in self.bars]}
        limits = ("at_least", "at_most")
        for bar in values["bars"]:
            bar.update({k: None for k in limits if math.isinf(bar[k])})  # JSON has no infinity
        return values

    @classmethod
    def from_json(cls, values: dict) -> "Recipe":
        bars = [{k: v for k, v in bar.items() if v is not None} for bar in values["bars"]]
        return cls(**{**values, "bars": tuple(Bar(**bar) for bar in bars)})
