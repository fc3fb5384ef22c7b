"""The forecaster: relative to the last value, a linear and a recurrent part, patches."""

import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.forecaster import CELLS, Forecaster

X = np.random.default_rng(0).normal(size=(2, 14, 5)).astype("float32")


def model_of(**options):
    options = {"outputs": 2, "horizon": 3, "width": 6, "input_shape": (14, 5), **options}
    return Forecaster(**options)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("patch", [1, 4])
def test_the_parts_are_added_to_the_last_value(cell, patch):
    model = model_of(cell=cell, patch=patch, depth=2)
    z = X.copy()
    z[..., :2] -= X[:, -1:, :2]
    padded = np.pad(z, [(0, 0), (-14 % patch, 0), (0, 0)]).reshape(2, -1, patch * 5)
    h = model.get_layer("recurrent2")(model.get_layer("recurrent1")(padded))
    head = np.reshape(model.get_layer("head")(h), (2, 3, 2))
    kernel = np.asarray(model.get_layer("linear").kernel)
    linear = np.einsum("btk,th->bhk", z[..., :2], kernel)
    np.testing.assert_allclose(model(X), X[:, -1:, :2] + linear + head, atol=1e-5)


def test_series_that_are_shifted_are_forecast_as_much_higher():
    model = model_of()
    higher = X.copy()
    higher[..., :2] += 100
    np.testing.assert_allclose(model(higher), model(X) + 100, rtol=1e-5)
    # other series and the calendar are not relative
    higher = X.copy()
    higher[..., 2:] += 1
    assert abs(model(higher) - model(X)).numpy().max() > 1e-3


def test_all_features_may_be_forecast():
    model = model_of(outputs=5)
    assert model(X).shape == (2, 3, 5)
    assert kerasdl.create_model("forecaster_tiny").output_shape == (None, 24, 1)


def test_it_learns_a_mean_absolute_error_by_default():
    model = model_of()
    model.compile()
    before = model.evaluate(X, X[:, :3, :2], verbose=0)
    assert before == pytest.approx(np.abs(model(X) - X[:, :3, :2]).mean(), rel=1e-5)
    model.fit(X, X[:, :3, :2], epochs=30, verbose=0)
    assert model.evaluate(X, X[:, :3, :2], verbose=0) < before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": 6}, "`outputs`.*at most 5, the features"),
        ({"horizon": 0}, "`horizon`"),
        ({"patch": 0}, "`patch`"),
        ({"cell": "rnn"}, "`cell`"),
        ({"dropout": 1.0}, "`dropout`"),
        ({"input_shape": (None, 5)}, "`input_shape`"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(InvalidInput, match=message):
        model_of(**options)
