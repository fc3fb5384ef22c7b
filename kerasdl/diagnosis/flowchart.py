"""The notes' flowchart for a training that disappoints, walked on a real one."""

from kerasdl.diagnosis import data_symptoms, history_symptoms, model_symptoms
from kerasdl.diagnosis.case import Case, Finding

# in the order of the flowchart; what comes first may be the cause of what comes later
QUESTIONS = {
    "Are the losses numbers?": [history_symptoms.not_finite],
    "Is the data right?": [
        data_symptoms.not_numbers,
        data_symptoms.unscaled,
        data_symptoms.one_class,
        data_symptoms.unshuffled,
        data_symptoms.leaked,
        data_symptoms.unrelated_labels,
    ],
    "Does the loss get what it expects?": [
        model_symptoms.frozen,
        model_symptoms.wrong_outputs,
        model_symptoms.penalised,
    ],
    "Do gradients reach every layer?": [
        model_symptoms.alike_units,
        model_symptoms.dead_units,
        model_symptoms.bad_gradients,
        model_symptoms.mostly_frozen,
    ],
    "Is the learning rate right?": [history_symptoms.rate_too_high, history_symptoms.rate_too_low],
    "Can the model learn this?": [history_symptoms.too_small],
    "Does it learn more than by heart?": [
        history_symptoms.disagreeing,
        history_symptoms.overfitting_,
        history_symptoms.judged_otherwise,
    ],
    "Does it wait for data?": [history_symptoms.waits_for_data],
}


def doctor(case: Case) -> dict[str, Finding | None]:
    """Ask each question until something is found, which may explain all that follows.

    Gradients that are wrong, not only too large or too small, show in none of this: where a layer
    or a loss is your own, ask `kerasdl.diagnosis.gradient_check`.

    Args:
        case: The run. `kerasdl doctor RUN` makes one of a run folder.

    Returns:
        Question -> what was found, or `None`. What follows a finding is not asked.

    Spec: DBG-01, DBG-02, TRN-15, REG-19
    """
    answers = {}
    for question, looks in QUESTIONS.items():
        answers[question] = next(filter(None, (look(case) for look in looks)), None)
        if answers[question]:
            break
    return answers
