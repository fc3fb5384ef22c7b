"""Figures of forecasts: the past, what came true, and what each model said."""

import numpy as np
import pytest

from kerasdl import explain
from kerasdl.errors import InvalidInput


def test_each_forecast_has_a_panel_with_truth_and_answers():
    past, truth = np.arange(40.0).reshape(2, 20), np.ones((2, 3))
    figure = explain.forecasts(past, truth, {"forecast": truth + 1, "naive": truth - 1})
    assert len(figure.axes) == 2
    seen, true, forecast, naive, _ = figure.axes[1].lines
    np.testing.assert_array_equal(seen.get_ydata(), np.arange(31.0, 40.0))  # three horizons
    np.testing.assert_array_equal(seen.get_xdata(), np.arange(-8, 1))
    for line, value in ((true, 1), (forecast, 2), (naive, 0)):
        assert line.get_ydata().tolist() == [value] * 3 and line.get_xdata().tolist() == [1, 2, 3]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["truth", "forecast", "naive"]


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (3,)])
def test_arrays_that_do_not_fit_are_refused(shape):
    with pytest.raises(InvalidInput, match="arrays of forecasts"):
        explain.forecasts(np.zeros((2, 9)), np.zeros((2, 3)), {"naive": np.zeros(shape)})
    with pytest.raises(InvalidInput, match="arrays of forecasts"):
        explain.forecasts(np.zeros((0, 9)), np.zeros((0, 3)), {})
