"""Diagnose a run folder."""

import contextlib
import zipfile

from kerasdl import diagnosis, saving, seed
from kerasdl.diagnosis import flowchart
from kerasdl.runs import folder, prepare
from kerasdl.training.checkpoint import Checkpoint
from kerasdl.training.trainer import CHECKPOINTS, STOPPED

# weights of a run that has saved none, and the bytes that they take; a model may have four times
# as many
NONE_SAVED = (1000, 2**29)


def case_of(run) -> diagnosis.Case:
    """Make the doctor's case of a run; for an unfinished run, of what is saved."""
    recipe, task = run.recipe, run.task
    splits = run.load_data()
    train = task.prepare(splits.train)
    validation = splits.validation and task.prepare(splits.validation)

    def fresh():
        seed.set_seed(recipe.seed)
        # the configuration may come from an unknown source
        with saving.no_larger(f"model of the run {run.path}", *_saved(run)):
            return prepare.compiled_model(recipe, task, int(train.cardinality()))

    if run.finished:
        return diagnosis.Case(run.model, train, validation, run.history, fresh)
    model, checkpoint = fresh(), Checkpoint(run.path / CHECKPOINTS, writes=False)
    checkpoint.restore(model, train)
    return diagnosis.Case(model, train, validation, checkpoint.history, fresh)


def _saved(run):
    """Return how many weights a run has saved, and how many bytes they take."""
    if run.finished:
        return len(run.model.weights), 4 * run.model.count_params()
    checkpoint = Checkpoint(run.path / CHECKPOINTS, writes=False)
    for file in (checkpoint.file, checkpoint.previous):
        with contextlib.suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(file) as archive:
            return len(archive.namelist()), file.stat().st_size
    return NONE_SAVED


def examine(run) -> list[dict]:
    """Return a row for each of the doctor's questions: finding, certainty, evidence and advice."""
    if (run.path / STOPPED).exists():
        reason = folder.read_reason(run.path / STOPPED)
        evidence, _, advice = reason.partition("; try ")
        question = next(iter(flowchart.QUESTIONS))
        found = diagnosis.Finding("the loss is NaN or infinite", evidence, advice, "certain")
        return rows_of(diagnosis.Report({question: found}))
    return rows_of(diagnosis.doctor(case_of(run)))


def rows_of(report: diagnosis.Report) -> list[dict]:
    """Return a row for each question of a report."""
    rows = []
    for question, found in report.items():
        parts = {"found": report.unanswered.get(question, "all well"), "sure": ""}
        parts |= {"evidence": "", "try": ""}
        if found:
            parts = {"found": found.name, "sure": found.certainty}
            parts |= {"evidence": found.evidence, "try": found.advice}
        rows.append({"question": question, **parts})
    return rows
