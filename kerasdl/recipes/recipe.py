"""A recipe: everything that defines a training run, as plain data."""

import dataclasses
import json
import math
import pathlib
from typing import TYPE_CHECKING, Any, get_args, overload

from kerasdl import errors, registry, tasks
from kerasdl.data import catalog, in_memory, policies
from kerasdl.recipes.space import Parameter
from kerasdl.utils import checks, files, precision, types

if TYPE_CHECKING:
    from kerasdl.runs.run import Run


MOST_STEPS = 10_000  # of one call of the training step; Keras builds no more in a usable time


@dataclasses.dataclass(frozen=True)
class Bar:
    """Limits that a test metric must satisfy.

    Args:
        metric: str, its name.
        at_least: float, the lower limit.
        at_most: float, the upper limit.
    """

    metric: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def __post_init__(self):
        checks.texts(metric=self.metric)
        for name in ("at_least", "at_most"):
            value = checks.plain(getattr(self, name))
            infinite = isinstance(value, float) and math.isinf(value)
            checks.check(name, value, infinite or checks.is_number(value), "a number")
            object.__setattr__(self, name, value)
        holds = self.at_least <= self.at_most
        checks.check("at_most", self.at_most, holds, f"at least `at_least`, {self.at_least}")

    def holds(self, metrics: dict[str, float]) -> bool:
        """Return whether the metric was measured, is finite and is within the limits."""
        value = metrics.get(self.metric, math.nan)
        return math.isfinite(value) and self.at_least <= value <= self.at_most

    def __str__(self):
        limits = [f">= {self.at_least:g}"] if self.at_least > -math.inf else []
        limits += [f"<= {self.at_most:g}"] if self.at_most < math.inf else []
        return " and ".join(limits)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Data, model, optimizer, epochs and seed of a training run, and the result it must reach.

    Args:
        name: str, its name in `kerasdl train NAME`.
        summary: str, one line for `kerasdl list`.
        task: str, a name of `kerasdl.tasks.names()`.
        model: str, a name of `kerasdl.list_models()`, or a network of Keras's such as
            "keras.applications.MobileNetV2".
        data: What `kerasdl.data.load` takes: a name, a path or data in memory, which become a
            string with their fingerprint.
        epochs: int, passes over the training data.
        bars: tuple of `Bar`, what the test metrics must reach; all must hold.
        batch_size: int, examples in a step, of all replicas together.
        augment: str or bool, the augmentation of `kerasdl.data.load`.
        learning_rate: float, the largest value of a schedule that warms up and then decays along
            a cosine to zero.
        warmup: float, epochs of warm-up.
        weight_decay: float, of the optimizer.
        optimizer: str, "adamw", or "muon": `kerasdl.optimizers.Muon` for kernels, with AdamW for
            all other weights and for the last layer with weights, the head.
        patience: int, epochs without a lower validation loss after which training stops; the
            weights are then those of the epoch with the lowest. `None` trains all epochs, and keeps
            the last weights.
        start: str, path of a run folder or a `.keras` file whose weights training starts from. They
            must have the shapes of the model's; a head for other outputs stays new.
        freeze: str, layers that keep their weights: "none", "backbone" for all before the last
            layer with weights, the head, or the name of the last layer to freeze.
        head_epochs: int, epochs that train only the head, before the others train what `freeze`
            leaves at a tenth of the learning rate. Each part has its own warm-up and decay.
        steps_per_execution: int, training steps that TensorFlow runs without returning to Python.
        dtype_policy: str, "float32", or "mixed_float16" or "mixed_bfloat16": the layers then
            compute in half precision, and weights, outputs and the loss are float32.
        jit_compile: bool or str, whether XLA compiles the training step; "auto" does on a GPU.
        seed: int, seed of the initial weights, the order of the data, augmentation and dropout.
        image_size: int, height and width to resize images to; by default the dataset's own.
        data_options: dict, further options of `kerasdl.data.load`.
        model_options: dict, further options of `kerasdl.create_model`.
        task_options: dict, options of the task, such as label smoothing.
        space: tuple of `kerasdl.recipes.space.Parameter`, what `kerasdl tune` searches.
    """

    name: str
    summary: str = dataclasses.field(compare=False)
    task: str
    model: str
    data: str
    epochs: int
    bars: tuple[Bar, ...] = ()
    batch_size: int = 64
    augment: str | bool = False
    learning_rate: float = 1e-3
    warmup: float = 1.0
    weight_decay: float = 0.0
    optimizer: str = "adamw"
    patience: int | None = None
    start: str | None = None
    freeze: str = "none"
    head_epochs: int | None = None
    steps_per_execution: int = 8
    dtype_policy: str = "float32"
    jit_compile: bool | str = "auto"
    seed: int = 0
    image_size: int | None = None
    data_options: dict = dataclasses.field(default_factory=dict)
    model_options: dict = dataclasses.field(default_factory=dict)
    task_options: dict = dataclasses.field(default_factory=dict)
    space: tuple = dataclasses.field(default=(), compare=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "data", in_memory.named(self.data))
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checks.plain(getattr(self, field.name)))
        checks.texts(name=self.name, task=self.task, model=self.model, data=self.data)
        checks.texts(summary=self.summary, empty=True)
        checks.paths(start=self.start, optional=True)
        object.__setattr__(self, "start", self.start and str(self.start))
        checks.texts(freeze=self.freeze)
        safe = files.safe_name(self.name) == self.name
        checks.check("name", self.name, safe, "a name that a folder may have")
        object.__setattr__(self, "task", tasks.FORMER_NAMES.get(self.task, self.task))
        checks.choices(tasks.names(), task=self.task)
        registry.check_name(self.model)
        checks.integers(epochs=self.epochs, batch_size=self.batch_size, limit=checks.LARGEST)
        checks.integers(steps_per_execution=self.steps_per_execution, limit=MOST_STEPS)
        checks.choices(precision.POLICIES, dtype_policy=self.dtype_policy)
        holds = checks.is_flag(self.jit_compile) or self.jit_compile == "auto"
        checks.check("jit_compile", self.jit_compile, holds, "True, False or 'auto'")
        checks.integers(seed=self.seed, at_least=0, below=2**31)
        checks.integers(image_size=self.image_size, optional=True)
        epochs = {"patience": self.patience, "head_epochs": self.head_epochs}
        checks.integers(**epochs, optional=True, limit=checks.LARGEST)
        if self.head_epochs and self.freeze == "backbone":
            expected = "None, or another `freeze`: after these epochs the backbone is trained"
            checks.check("head_epochs", self.head_epochs, False, expected)
        checks.learning_rates(learning_rate=self.learning_rate)
        checks.numbers(warmup=self.warmup, at_least=0, limit=checks.MOST_STEPS)
        # each step multiplies the weights by 1 - learning_rate * weight_decay
        most = 1 / self.learning_rate
        checks.numbers(weight_decay=self.weight_decay, at_least=0, below=most)
        checks.choices(get_args(types.Optimizer), optimizer=self.optimizer)
        policies.policy(self.augment)
        for name in ("data_options", "model_options", "task_options"):
            _check_options(name, getattr(self, name))
        tasks.check_options(self.task, self.task_options)
        holds = "dtype" not in self.model_options
        expected = "options without `dtype`, which is the recipe's `dtype_policy`"
        checks.check("model_options", self.model_options, holds, expected)
        for name, kind in (("bars", Bar), ("space", Parameter)):
            parts = getattr(self, name)
            holds = isinstance(parts, (tuple, list)) and all(isinstance(p, kind) for p in parts)
            checks.check(name, parts, holds, f"a tuple of {kind.__name__}")
            object.__setattr__(self, name, tuple(parts))

    def replace(self, **changes) -> "Recipe":
        """Return the recipe with some values changed; `None` keeps a value.

        Other data drop the options and bars that belong to the recipe's dataset, and another model
        those that belong to its model; the name then ends in that of the model.
        """
        fields = [field.name for field in dataclasses.fields(self)]
        for name in changes:
            errors.one_of("part of a recipe", name, fields)
        changes = {name: value for name, value in changes.items() if value is not None}
        if "data" in changes:
            changes["data"] = in_memory.named(changes["data"])
        data, model = changes.get("data", self.data), changes.get("model", self.model)
        checks.texts(data=data)
        kept: dict[str, Any] = {}
        if data != self.data:
            kept["data_options"] = {}
            if not catalog.may_hold_images(data):
                kept |= {"augment": False, "image_size": None}
        if model != self.model:
            registry.check_name(model)
            kept["name"] = f"{self.name}-{model.removeprefix(registry.APPLICATIONS)}"
            kept["model_options"] = {}
            kept["space"] = tuple(part for part in self.space if not part.is_of_model)
        if kept:
            kept |= {"summary": f"{model} on {data}", "bars": ()}
        return dataclasses.replace(self, **{**kept, **changes})

    @overload
    def run(
        self,
        out: str | pathlib.Path | None = None,
        *,
        fast: bool = False,
        progress: bool = True,
        strategy: types.LocalStrategy = "auto",
        save_seconds: float | None = None,
        deterministic: bool = False,
        on_nan: types.OnNaN = "stop",
        pictures: bool = True,
        **options,
    ) -> "Run": ...

    @overload
    def run(
        self,
        out: str | pathlib.Path | None = None,
        *,
        fast: bool = False,
        progress: bool = True,
        strategy: str,
        save_seconds: float | None = None,
        deterministic: bool = False,
        on_nan: types.OnNaN = "stop",
        pictures: bool = True,
        **options,
    ) -> "Run | None": ...

    def run(
        self,
        out: str | pathlib.Path | None = None,
        *,
        fast: bool = False,
        progress: bool = True,
        strategy: str = "auto",
        save_seconds: float | None = None,
        deterministic: bool = False,
        on_nan: types.OnNaN = "stop",
        pictures: bool = True,
        **options,
    ) -> "Run | None":
        """Train, evaluate and draw; return a `kerasdl.runs.Run`, kept in the folder `out`.

        An unfinished run of the same recipe in that folder is resumed, a finished one is opened.
        Of several workers, only the chief returns a `Run`; the others return `None`.

        Args:
            out: The run folder; by default `self.folder()`.
            fast: bool, whether to use one batch of everything, as a quick check.
            progress: bool, whether to show a progress bar.
            strategy: str, the devices to train on: see `kerasdl.distribute.strategy`.
            save_seconds: float, seconds between checkpoints: the work that a kill may cost. `None`:
                5, or more for a large model, so that they take at most 2 % of the training time.
            deterministic: bool, whether to forbid operations whose results vary in their last bits,
                for the rest of this process: see `kerasdl.set_seed`.
            on_nan: str. At a NaN or infinite loss, "stop" raises; "lower" returns to the last
                checkpoint and halves the learning rate, at most five times.
            pictures: bool, whether to draw figures and write examples after the training. Without,
                `Run.explain()` or `kerasdl explain RUN` draws the figures later.
            **options: `callbacks` of `kerasdl.runs.train`.
        """
        checks.paths(out=out, optional=True)
        flags = {"progress": progress, "deterministic": deterministic, "pictures": pictures}
        checks.flags(fast=fast, **flags)
        from kerasdl.runs.train import train  # imports TensorFlow

        return train(
            self,
            out or self.folder(fast),
            fast=fast,
            progress=progress,
            strategy=strategy,
            save_seconds=save_seconds,
            deterministic=deterministic,
            on_nan=on_nan,
            pictures=pictures,
            **options,
        )

    def folder(self, fast: bool = False) -> pathlib.Path:
        """Return the default run folder, which depends only on the recipe's values."""
        data = files.safe_name(pathlib.Path(self.data.replace(":", "-")).stem)
        tail = "-fast" if fast else ""
        return pathlib.Path("runs") / f"{self.name}-{data}-seed{self.seed}{tail}"

    def to_json(self) -> dict:
        """Return the recipe as a dictionary that JSON can hold."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del values["space"]
        values["data"] = str(self.data)  # without the arrays of data in memory
        bars = [dataclasses.asdict(bar) for bar in self.bars]
        for bar in bars:
            bar.update({k: None for k in ("at_least", "at_most") if math.isinf(bar[k])})
        return {**values, "bars": bars}

    @classmethod
    def from_json(cls, values: dict) -> "Recipe":
        """Make a recipe from the dictionary of `to_json`."""
        bars = [{k: v for k, v in bar.items() if v is not None} for bar in values["bars"]]
        options = {
            name: files.tupled(part) for name, part in values.items() if name.endswith("options")
        }
        return cls(**{**values, **options, "bars": tuple(Bar(**bar) for bar in bars)})


def _check_options(name, options):
    """Check that options are a dictionary that a configuration file can hold."""
    named = isinstance(options, dict) and all(isinstance(option, str) for option in options)
    try:
        holds = named and bool(json.dumps(options, allow_nan=False))
    except (TypeError, ValueError):  # objects; NaN and infinity
        holds = False
    checks.check(name, options, holds, "a dict from names to what JSON can hold")
