"""Schedules in `fit`, past their end, and saved with a model. `tests/formulas` has their values."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import schedules
from kerasdl.errors import InvalidInput

TORCH = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lr_schedules.npz")


def every():
    """Each schedule with arguments other than the defaults, and its last step if it has one."""
    cosine = keras.optimizers.schedules.CosineDecay(0.1, 20, alpha=0.01)
    return {
        "warm-up": (schedules.WarmUp(cosine, 8), 28),
        "warm-up to a constant": (schedules.WarmUp(0.05, 8), 8),
        "warm-up of a warm-up": (schedules.WarmUp(schedules.WarmUp(cosine, 2), 3), 25),
        "inverse square root": (schedules.InverseSquareRoot(0.1, 8), None),
        "inverse sigmoid": (schedules.InverseSigmoid(3), None),
        "triangular": (schedules.Cyclical(0.01, 0.1, 5), None),
        "exponential range": (schedules.Cyclical(0.01, 0.1, 5, factor=0.98), None),
        "triangular2": (schedules.Cyclical(0.01, 0.1, 5, factor=0.5, per="cycle"), None),
        "one cycle": (schedules.OneCycle(0.1, 20, 0.4, 10.0, 100.0, "linear", True), 20),
    }


def model_of(schedule):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedule), "mse")
    return model


@pytest.mark.rows("SCH-15")
@pytest.mark.parametrize("name", every())
def test_fit_takes_it_and_it_comes_back_with_the_model(name, tmp_path):
    schedule, _ = every()[name]
    model = model_of(schedule)
    model.fit(np.ones((4, 1)), np.ones((4, 1)), 1, verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(float(schedule(4)))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert float(again.learning_rate) == pytest.approx(float(schedule(4)))
    config = keras.saving.serialize_keras_object(schedule)
    found = keras.saving.deserialize_keras_object(config)
    assert found.get_config() == schedule.get_config()
    assert [float(found(t)) for t in range(40)] == [float(schedule(t)) for t in range(40)]


@pytest.mark.parametrize("name", every())
def test_a_tensor_in_a_graph_gives_what_a_number_gives(name):
    schedule, _ = every()[name]
    traced = tf.function(schedule, input_signature=[tf.TensorSpec((), "int64")])
    for step in (0, 3, 8, 30):
        assert float(traced(step)) == pytest.approx(float(schedule(step)))


@pytest.mark.parametrize("name", [name for name, (_, end) in every().items() if end])
def test_it_keeps_its_last_value(name):
    schedule, end = every()[name]
    last = float(schedule(end))
    assert [float(schedule(t)) for t in (end, end + 1, 10 * end, 10**6)] == [last] * 4


@pytest.mark.parametrize(
    ("schedule", "name"),
    [
        (
            schedules.OneCycle(0.1, 40, 15.4 / 40, 10, 100, shape="linear", three_phases=True),
            "onecycle_lin",
        ),
        (schedules.OneCycle(0.1, 40, 11.3 / 40), "onecycle_cos"),
        (schedules.Cyclical(0.01, 0.1, 5), "cyclic_tri"),
        (schedules.Cyclical(0.01, 0.1, 5, 0.5, "cycle"), "cyclic_tri2"),
        (schedules.Cyclical(0.01, 0.1, 5, 0.98), "cyclic_exp"),
        (schedules.WarmUp(schedules.InverseSquareRoot(0.1, 8), 8), "hf_invsqrt"),
    ],
)
def test_numbers_of_torch_and_transformers(schedule, name):
    np.testing.assert_allclose([schedule(t) for t in range(40)], TORCH[name], atol=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.WarmUp(0.1, 0), "`warm_up_steps`.*above 0"),
        (lambda: schedules.InverseSquareRoot(0.1, -1), "`decay_steps`"),
        (lambda: schedules.Cyclical(0.2, 0.1, 5), "`lowest`.*0.1.*0.2"),
        (lambda: schedules.Cyclical(0.1, 0.2, 5, per="epoch"), "`per`.*step.*epoch"),
        (lambda: schedules.OneCycle(0.1, 10, rise=1), "`rise`.*between 0 and 1"),
        (lambda: schedules.OneCycle(0.1, 10, rise=0.6, three_phases=True), "between 0 and 0.5"),
        (lambda: schedules.OneCycle(0.1, 10, shape="round"), "`shape`"),
        (lambda: schedules.OneCycle("0.1", 10), "`highest`.*above 0.*'0.1'"),
        (lambda: schedules.OneCycle([0.1], 10), "`highest`.*above 0.*0.1"),
        (lambda: schedules.OneCycle(0.1, 10, rise="a"), "`rise`"),
        (lambda: schedules.Cyclical("a", 1, 2), "`lowest`"),
        (lambda: schedules.Cyclical(0, None, 2), "`highest`"),
        (lambda: schedules.WarmUp("cosine", 5), "`schedule`.*'cosine'"),
        (lambda: schedules.WarmUp(None, 5), "`schedule`"),
        (lambda: schedules.WarmUp(-0.1, 5), "`schedule`"),
        (lambda: schedules.WarmUp(keras.optimizers.schedules.CosineDecay, 5), "`schedule`"),
        (lambda: schedules.InverseSigmoid(0.5), "`decay_steps`.*at least 1"),
        (lambda: schedules.InverseSigmoid("a"), "`decay_steps`"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()
