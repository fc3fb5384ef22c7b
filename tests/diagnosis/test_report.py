"""The doctor's report is a mapping and prints a table; incomplete histories are accepted."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import diagnosis
from kerasdl.diagnosis import flowchart, history_symptoms
from kerasdl.errors import InvalidInput

FIRST, SECOND, *_ = flowchart.QUESTIONS


def case_of(history):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).batch(16)
    return diagnosis.Case(model, data, None, history)


def test_a_report_is_a_mapping_and_a_table_of_80_columns():
    finding = diagnosis.Finding("dead units", "57% of the units of dense " * 5, "leaky ReLU")
    report = diagnosis.Report({FIRST: None, SECOND: finding})
    assert report == {FIRST: None, SECOND: finding} and report.finding is finding
    assert [*report] == [FIRST, SECOND] and dict(report)[SECOND] is finding
    lines = str(report).splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) > 6
    cells = [line[len(lines[1].split()[0]) + 2 :] for line in lines]
    assert cells[2:4] == ["ok", "dead units (likely)"]
    assert " ".join(cells[4:]) == f"{finding.evidence.strip()} Try leaky ReLU"  # no word is broken
    assert [line.split("  ")[0] for line in lines[2:4]] == [FIRST, SECOND]


def test_a_question_without_an_answer_is_not_called_ok():
    report = diagnosis.Report({FIRST: None}, {FIRST: "not answered: no data"})
    assert report.finding is None and "not answered: no data" in str(report)


def test_a_table_of_all_questions_has_at_most_80_columns():
    report = diagnosis.Report(dict.fromkeys(flowchart.QUESTIONS))
    assert report.finding is None
    assert all(len(line) <= 80 for line in str(report).splitlines())
    assert str(report).count("ok") == len(flowchart.QUESTIONS)


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"loss": [], "val_loss": []},
        {"loss": [20.0, 10.0, 9.0, 8.0], "val_loss": [20.0, 11.0, None, None]},
        {"loss": [20.0, None, 9.0], "val_loss": [20.0, 11.0, 10.0, 9.0], "val_accuracy": [None]},
        {"loss": np.array([20.0, 10.0]), "val_loss": (10.0, 5.0)},
    ],
    ids=str,
)
def test_histories_with_gaps_are_accepted(history):
    report = diagnosis.doctor(case_of(history))
    assert set(report) == set(flowchart.QUESTIONS), report


def test_overfitting_is_found_in_the_epochs_that_have_both_losses():
    history = {"loss": [1.0, 0.5, 0.2, 0.1, 0.05, 0.04], "val_loss": [1.0, 0.6, 0.8, 1.0, 1.2]}
    assert history_symptoms.overfitted(case_of(history)).name == "overfitting"


def test_nan_is_found_in_a_history_with_gaps():
    finding = history_symptoms.not_finite(case_of({"loss": [1.0, float("nan")], "a": [None]}))
    assert "loss is nan in epoch 2" in finding.evidence


@pytest.mark.parametrize("history", [{"loss": 1.0}, {"loss": "abc"}, {"loss": [[1.0]]}], ids=str)
def test_an_invalid_history_is_refused(history):
    with pytest.raises(InvalidInput, match="a list of numbers for `loss`"):
        case_of(history)
