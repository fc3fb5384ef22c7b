"""What recurrent networks remember, by the recorded results of recipes."""

import numpy as np
import pytest

from kerasdl import recipes
from kerasdl.cli import cards

VARIANCE = 1 / 6  # of the sum of two uniform numbers: the error of always answering 1


def recorded(name):
    """Return the results of the recorded seeds."""
    return list(cards.result(name)["seeds"].values())


def test_gates_remember_a_number_over_50_steps():
    for name in ("adding_lstm", "adding_gru"):
        assert recipes.get(name).data_options == {}  # 50 steps
        errors = np.array([run["test"]["mse"] for run in recorded(name)])
        assert errors.max() < VARIANCE / 80


@pytest.mark.rows("RNN-26")
def test_a_gru_has_three_quarters_of_the_weights_of_an_lstm_and_both_say_their_seconds():
    lstm, gru = recorded("adding_lstm"), recorded("adding_gru")
    pairs = list(zip(gru, lstm, strict=True))
    assert all(0.74 < g["parameters"] / m["parameters"] < 0.77 for g, m in pairs)
    assert all(g["seconds"] > 0 and m["seconds"] > 0 for g, m in pairs)
