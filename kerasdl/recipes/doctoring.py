"""A run folder as a case for the doctor."""

from kerasdl import diagnosis, registry, seed
from kerasdl.diagnosis import flowchart
from kerasdl.recipes import surviving, training
from kerasdl.recipes.checkpoint import Checkpoint
from kerasdl.recipes.run import read_json


def case_of(run) -> diagnosis.Case:
    """A finished run, or what an unfinished one has saved."""
    recipe, task = run.recipe, training.task_of(run.recipe)
    splits = training.load_data(recipe, run.config["fast"])
    train = task.prepare(splits.train, splits.info)
    validation = splits.validation and task.prepare(splits.validation, splits.info)

    def fresh():
        seed.set_seed(recipe.seed)
        options = {**task.model_options(splits.info), **recipe.model_options}
        model = registry.create_model(recipe.model, **options)
        task.compile(model, recipe, int(train.cardinality()))
        return model

    if run.finished:
        return diagnosis.Case(run.model, train, validation, run.history, fresh)
    model, checkpoint = fresh(), Checkpoint(run.path / "checkpoints", writes=False)
    checkpoint.restore(model)
    return diagnosis.Case(model, train, validation, checkpoint.history, fresh)


def examine(run) -> list[dict]:
    """The flowchart's questions with what was found: a row each."""
    if (run.path / surviving.STOPPED).exists():
        reason = read_json(run.path / surviving.STOPPED)["reason"]
        evidence, _, advice = reason.partition("; try ")
        question = next(iter(flowchart.QUESTIONS))
        return [
            {"question": question, "found": "loss no number", "evidence": evidence, "try": advice}
        ]
    rows = []
    for question, found in diagnosis.doctor(case_of(run)).items():
        parts = {"found": "all well", "evidence": "", "try": ""}
        if found:
            parts = {"found": found.name, "evidence": found.evidence, "try": found.advice}
        rows.append({"question": question, **parts})
    return rows
