"""A run folder as a case for the doctor."""

from kerasdl import diagnosis, registry, seed
from kerasdl.recipes import training
from kerasdl.recipes.checkpoint import Checkpoint


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
    case, rows = case_of(run), []
    for question, found in diagnosis.doctor(case).items():
        parts = {"found": "all well", "evidence": "", "try": ""}
        if found:
            parts = {"found": found.name, "evidence": found.evidence, "try": found.advice}
        rows.append({"question": question, **parts})
    return rows
