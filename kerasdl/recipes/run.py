"""A run folder: what a training run leaves behind, and how it is opened again."""

import csv
import dataclasses
import functools
import json
import pathlib

from kerasdl import errors, saving
from kerasdl.recipes.recipe import Recipe


def read_json(path: pathlib.Path) -> dict:
    """What a file of a run holds, if nobody has changed it."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, error) from None
    if not isinstance(values, dict):
        raise _damaged(path, values)
    return values


def _damaged(path, received):
    return errors.InvalidInput(f"file `{path}`", "what `kerasdl train` wrote", received)


@dataclasses.dataclass
class Run:
    """A finished run.

    Attributes:
        path: The folder: config.json, history.csv, metrics.json, model.keras, figures/, events/.
        recipe: What was run.
        info: What is known of the data: task, classes, shape, counts, vocabulary.
        history: {"loss": [...], "val_loss": [...], ...}, one number an epoch.
        metrics: {"test": {...}, "seconds": ..., ...}.
        model: The trained Keras model, loaded when first asked for.
        trust: Whether code that came with its model may run: see `kerasdl.load_model`.
    """

    path: pathlib.Path
    trust: bool = False

    @functools.cached_property
    def config(self) -> dict:
        return read_json(self.path / "config.json")

    @property
    def recipe(self) -> Recipe:
        try:
            return Recipe.from_json(self.config["recipe"])
        except (AttributeError, KeyError, TypeError) as error:
            raise _damaged(self.path / "config.json", repr(error)) from None

    @property
    def info(self) -> dict:
        if not isinstance(self.config.get("info"), dict):
            raise _damaged(self.path / "config.json", "nothing about its data")
        return self.config["info"]

    @functools.cached_property
    def metrics(self) -> dict:
        return read_json(self.path / "metrics.json")

    @functools.cached_property
    def history(self) -> dict:
        with (self.path / "history.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in rows[0] if name != "epoch"}

    @functools.cached_property
    def model(self):
        return saving.load_model(self.path / "model.keras", trust=self.trust)

    @property
    def finished(self) -> bool:
        return (self.path / "metrics.json").exists()

    def bars(self) -> list[tuple]:
        """Each bar of the recipe with the number reached and whether it holds."""
        test = self.metrics["test"]
        return [(bar, test[bar.metric], bar.holds(test)) for bar in self.recipe.bars]

    def evaluate(self) -> dict:
        """Judge the saved model on the test data again."""
        from kerasdl.recipes import training

        splits = training.load_data(self.recipe, self.config["fast"])
        with splits.naming_bad():
            return training.task_of(self.recipe).evaluate(self.model, splits.test)

    def predict(self, inputs: list[str]) -> list[dict]:
        """Apply the model to image files, CSV rows or prompts: a row each."""
        from kerasdl.recipes import training

        return training.task_of(self.recipe).predict(self, inputs)

    def explain(self, inputs: list[str] = ()) -> list[pathlib.Path]:
        """Draw the run, or what the model does with the inputs; the files' paths."""
        from kerasdl.recipes import training

        task = training.task_of(self.recipe)
        if inputs:
            return training.draw(self.path, task.explain_inputs(self, inputs))
        splits = training.load_data(self.recipe, self.config["fast"])
        return training.draw(self.path, task.figures(self.model, splits, self.history))

    def doctor(self) -> list[dict]:
        """Walk the flowchart of what may be wrong: question, finding, evidence, what to try."""
        from kerasdl.recipes import doctoring

        return doctoring.examine(self)

    def export(self, quantize: list[str] = (), format: str = "litert") -> list[dict]:
        """Write LiteRT or ONNX files into the folder, each compared with Keras: a row each.

        LiteRT files are float and int8 where `quantize` does not say otherwise.
        """
        from kerasdl.recipes import exporting

        return exporting.export_run(self, quantize, format)

    def compress(
        self, *, max_drop=0.005, methods=None, epochs=None, sparsity=0.8, progress=print
    ) -> list[dict]:
        """Try methods from cheap to dear and mark the smallest file within the drop: a row each."""
        from kerasdl.recipes import compressing

        return compressing.compress_run(
            self,
            max_drop=max_drop,
            methods=methods,
            epochs=epochs,
            sparsity=sparsity,
            progress=progress,
        )


def open_run(path: str | pathlib.Path, *, trust: bool = False, finished: bool = True) -> Run:
    """Open a run folder; `trust` lets code run that came with its model.

    One that was interrupted is refused, unless `finished` is False.
    """
    run = Run(pathlib.Path(path), trust)
    if not (run.path / "config.json").is_file():
        expected = "a folder that `kerasdl train` wrote"
        raise errors.InvalidInput("run folder", expected, path)
    if finished and not run.finished:
        expected = "a finished run (the command that started it goes on)"
        raise errors.InvalidInput("run folder", expected, f"{path}, which was interrupted")
    _ = run.recipe, run.info, run.finished and run.metrics  # or what is wrong with them
    return run
