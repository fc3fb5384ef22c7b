"""The doctor: questions about a disappointing training run, asked in order."""

import textwrap
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import keras

from kerasdl.diagnosis import (
    batch_norm,
    data_symptoms,
    history_symptoms,
    label_symptoms,
    model_symptoms,
    sources,
)
from kerasdl.diagnosis.case import Case, Finding
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

# causes before effects: an early finding may explain all later ones
QUESTIONS: dict[str, list[Callable[[Case], Finding | None]]] = {
    "Is the loss finite?": [history_symptoms.not_finite],
    "Is the data right?": [
        data_symptoms.not_finite_inputs,
        data_symptoms.unscaled,
        data_symptoms.differently_scaled,
        data_symptoms.contains_labels,
        data_symptoms.constant_features,
        data_symptoms.unshuffled,
        data_symptoms.leaked,
    ],
    "Do the model's outputs fit the loss?": [
        model_symptoms.frozen,
        model_symptoms.wrong_outputs,
        model_symptoms.unreachable_targets,
        model_symptoms.over_regularized,
    ],
    "Are BatchNorm's averages up to date?": [batch_norm.outdated_averages],
    "Do gradients reach every layer?": [
        model_symptoms.identical_units,
        model_symptoms.dead_units,
        model_symptoms.saturated_units,
        model_symptoms.bad_gradients,
        model_symptoms.mostly_frozen,
    ],
    "Is the learning rate right?": [
        history_symptoms.learning_rate_too_high,
        history_symptoms.learning_rate_too_low,
    ],
    "Do the labels belong to the inputs?": [
        data_symptoms.imbalanced,
        label_symptoms.hidden_by_augmentation,
        label_symptoms.unrelated_labels,
        label_symptoms.contradicting_labels,
    ],
    "Is the model large enough?": [model_symptoms.too_much_dropout, history_symptoms.too_small],
    "Does it generalize?": [
        history_symptoms.overfitted,
        history_symptoms.evaluates_differently,
        label_symptoms.no_better_than_guessing,
    ],
    "Is the input pipeline fast enough?": [history_symptoms.waits_for_data],
}
COLUMNS = 80


class Report(dict):
    """What the doctor found: each question, with a `Finding`, or `None` if nothing was found.

    Printed, it is a table of 80 columns.

    Attributes:
        unanswered: dict, the questions that could not be answered, with the reason. Their value in
            the report is `None` too.

    >>> print(Report({"Is the loss finite?": None}))
    Question                              Finding
    ------------------------------------  ------------------------------------------
    Is the loss finite?                   ok
    """

    def __init__(
        self,
        answers: Mapping[str, Finding | None] | None = None,
        unanswered: dict[str, str] | None = None,
    ):
        super().__init__(answers or {})
        self.unanswered = unanswered or {}

    @property
    def finding(self) -> Finding | None:
        """The finding that ended the questions; `None` if nothing was found."""
        return next(filter(None, self.values()), None)

    def __str__(self) -> str:
        left = max(map(len, QUESTIONS))
        right = COLUMNS - left - 2
        lines = [f"{'Question':{left}}  Finding", f"{'-' * left}  {'-' * right}"]
        for question, finding in self.items():
            parts = [self.unanswered.get(question, "ok")]
            if finding:
                found = f"{finding.name} ({finding.certainty})"
                parts = [found, finding.evidence, f"Try {finding.advice}"]
            cells = [line for part in parts for line in textwrap.wrap(part, right)]
            questions = [question] + [""] * (len(cells) - 1)
            lines += [f"{q:{left}}  {c}" for q, c in zip(questions, cells, strict=True)]
        return "\n".join(lines)


def _unanswered(case: Case) -> dict[str, str]:
    """Questions that cannot be answered for a case, with the reason."""
    found = {}
    if case.validation is None:
        reason = "not answered: there are no validation data"
        found["Do the labels belong to the inputs?"] = found["Does it generalize?"] = reason
    if len(case.losses_of_epochs) < history_symptoms.MIN_EPOCHS:
        reason = "not answered: the history has fewer than 3 epochs"
        found["Is the learning rate right?"] = found["Is the model large enough?"] = reason
    return found


def doctor(
    case: Case | keras.Model,
    data: Any = None,
    *,
    validation: Any = None,
    history: Any = None,
) -> Report:
    """Ask what may be wrong with a trained model until something is found.

    The questions go from causes to effects: loss, data, outputs, batch normalization, gradients,
    learning rate, labels, capacity, generalization, input pipeline. What follows a finding is not
    asked, because the finding may explain it. A finding states its evidence and how sure it is:
    "certain" if the measurement is the problem itself, "likely" if it is an effect of the problem
    that something else may rarely have.

    A gradient that is wrong, rather than too small or too large, shows in none of these. Check
    layers and losses of your own with `kerasdl.diagnosis.gradient_check`.

    Args:
        case: `keras.Model`, compiled and trained, functional or subclassed; or a `Case`.
        data: The training data of the model: arrays (inputs, targets), a `tf.data.Dataset` or a
            Keras `PyDataset` of batches, or the `Splits` of `kerasdl.data.load`.
        validation: The validation data, of the same kinds. Without them, questions about labels
            and generalization are not answered.
        history: What `fit` returned, or its `history`. Without it, questions about the learning
            rate compare the model with a copy that has new random weights.

    Returns:
        A `Report`: a dict from each question that was asked to a `Finding` or `None`.

    Raises:
        InvalidInput: if the model is not compiled, or does not take the data.

    Example:
        >>> import kerasdl
        >>> splits = kerasdl.data.load("digits")
        >>> model = kerasdl.create_model("mlp_tiny", input_shape=(8, 8, 1))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> history = {"loss": [2.3, float("nan")], "val_loss": [2.3, float("nan")]}
        >>> report = doctor(model, splits, history=history)
        >>> report.finding.name, report.finding.certainty
        ('the loss is NaN or infinite', 'certain')
    """
    with warnings.catch_warnings():
        # Keras warns of outputs that a finding explains
        warnings.filterwarnings("ignore", message=".*produced by a (Softmax|Sigmoid) activation")
        return _report(_case(case, data, validation, history))


def _case(case, data, validation, history):
    if isinstance(case, keras.Model):
        return sources.case_of(case, data, validation, history)
    expected = "a keras.Model, with its data, or a `kerasdl.diagnosis.Case`"
    checks.check("case", case, isinstance(case, Case), expected)
    for name, value in {"data": data, "validation": validation, "history": history}.items():
        if value is not None:
            expected = "none with a `Case`, which has its own"
            raise InvalidInput(f"argument `{name}`", expected, type(value).__name__)
    sources.check_model(case)
    return case


def _report(case):
    report = Report()
    for question, symptoms in QUESTIONS.items():
        report[question] = next(filter(None, (symptom(case) for symptom in symptoms)), None)
        if report[question]:
            return report
    report.unanswered = _unanswered(case)
    return report
