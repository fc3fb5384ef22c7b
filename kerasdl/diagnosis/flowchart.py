"""The doctor: questions about a disappointing training run, asked in order."""

import textwrap
from collections.abc import Callable

from kerasdl.diagnosis import batch_norm, data_symptoms, history_symptoms, model_symptoms
from kerasdl.diagnosis.case import Case, Finding
from kerasdl.utils import checks

# causes before effects: an early finding may explain all later ones
QUESTIONS: dict[str, list[Callable[[Case], Finding | None]]] = {
    "Is the loss finite?": [history_symptoms.not_finite],
    "Is the data right?": [
        data_symptoms.not_finite_inputs,
        data_symptoms.unscaled,
        data_symptoms.imbalanced,
        data_symptoms.unshuffled,
        data_symptoms.leaked,
        data_symptoms.unrelated_labels,
    ],
    "Do the model's outputs fit the loss?": [
        model_symptoms.frozen,
        model_symptoms.wrong_outputs,
        model_symptoms.over_regularized,
    ],
    "Are BatchNorm's averages up to date?": [batch_norm.outdated_averages],
    "Do gradients reach every layer?": [
        model_symptoms.identical_units,
        model_symptoms.dead_units,
        model_symptoms.bad_gradients,
        model_symptoms.mostly_frozen,
    ],
    "Is the learning rate right?": [
        history_symptoms.learning_rate_too_high,
        history_symptoms.learning_rate_too_low,
    ],
    "Is the model large enough?": [history_symptoms.too_small],
    "Does it generalize?": [
        history_symptoms.contradicting_labels,
        history_symptoms.overfitted,
        history_symptoms.evaluates_differently,
    ],
    "Is the input pipeline fast enough?": [history_symptoms.waits_for_data],
}
COLUMNS = 80


class Report(dict):
    """What the doctor found: each question that was asked, with a `Finding` or `None`.

    Printed, it is a table of 80 columns.

    >>> print(Report({"Is the loss finite?": None}))
    Question                              Finding
    ------------------------------------  ------------------------------------------
    Is the loss finite?                   ok
    """

    @property
    def finding(self) -> Finding | None:
        """The finding that ended the questions; `None` if nothing was found."""
        return next(filter(None, self.values()), None)

    def __str__(self) -> str:
        left = max(map(len, QUESTIONS))
        right = COLUMNS - left - 2
        lines = [f"{'Question':{left}}  Finding", f"{'-' * left}  {'-' * right}"]
        for question, finding in self.items():
            parts = ["ok"]
            if finding:
                parts = [finding.name, finding.evidence, f"Try {finding.advice}"]
            cells = [line for part in parts for line in textwrap.wrap(part, right)]
            questions = [question] + [""] * (len(cells) - 1)
            lines += [f"{q:{left}}  {c}" for q, c in zip(questions, cells, strict=True)]
        return "\n".join(lines)


def doctor(case: Case) -> Report:
    """Ask what may be wrong with a run until something is found.

    The questions go from causes to effects: loss, data, outputs, batch normalization, gradients,
    learning rate, capacity, generalization, input pipeline. What follows a finding is not asked,
    because the finding may explain it.

    A gradient that is wrong, rather than too small or too large, shows in none of these. Check
    layers and losses of your own with `kerasdl.diagnosis.gradient_check`.

    Args:
        case: `Case`, the run. `kerasdl doctor RUN` makes one from a run folder.

    Returns:
        A `Report`: a dict from each question that was asked to a `Finding` or `None`.

    Example:
        >>> import keras
        >>> import kerasdl
        >>> splits = kerasdl.data.load("digits")
        >>> model = kerasdl.create_model("mlp_tiny", input_shape=(8, 8, 1))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> history = {"loss": [2.3, float("nan")], "val_loss": [2.3, float("nan")]}
        >>> report = doctor(Case(model, splits.train, splits.validation, history))
        >>> report.finding.name
        'the loss is NaN or infinite'
    """
    checks.check("case", case, isinstance(case, Case), "a `kerasdl.diagnosis.Case`")
    report = Report()
    for question, symptoms in QUESTIONS.items():
        report[question] = next(filter(None, (symptom(case) for symptom in symptoms)), None)
        if report[question]:
            break
    return report
