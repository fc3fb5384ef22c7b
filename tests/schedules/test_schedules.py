"""Schedules in `fit`, after their last step, and in saved models; values are in tests/formulas."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import schedules
from kerasdl.errors import InvalidInput

TORCH = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lr_schedules.npz")


def every():
    """Return schedules with arguments other than the defaults, and their last step, if any."""
    cosine = keras.optimizers.schedules.CosineDecay(0.1, 20, alpha=0.01)
    return {
        "warm-up": (schedules.WarmUp(cosine, 8), 28),
        "warm-up to a constant": (schedules.WarmUp(0.05, 8), 8),
        "warm-up of a warm-up": (schedules.WarmUp(schedules.WarmUp(cosine, 2), 3), 25),
        "joined": (schedules.Joined(cosine, schedules.WarmUp(0.05, 8), 6), 14),
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
def test_fit_uses_the_schedule_and_a_saved_model_keeps_it(name, tmp_path):
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
def test_values_are_the_same_in_a_graph(name):
    schedule, _ = every()[name]
    traced = tf.function(schedule, input_signature=[tf.TensorSpec((), "int64")])
    for step in (0, 3, 8, 30):
        assert float(traced(step)) == pytest.approx(float(schedule(step)))


@pytest.mark.parametrize("name", sorted({*every()} - {"warm-up", "warm-up of a warm-up"}))
def test_values_do_not_depend_on_the_default_precision(name):
    """Those of `CosineDecay`, which the others contain, do."""
    schedule, _ = every()[name]
    expected = [float(schedule(step)) for step in range(30)]
    keras.config.set_floatx("float16")
    try:
        assert [float(schedule(step)) for step in range(30)] == expected
    finally:
        keras.config.set_floatx("float32")


@pytest.mark.parametrize("name", [name for name, (_, end) in every().items() if end])
def test_last_value_is_kept(name):
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
def test_values_equal_those_of_pytorch_and_transformers(schedule, name):
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
def test_invalid_arguments_are_named(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()


ARGUMENTS = [
    (schedules.WarmUp, {"schedule": 0.1, "warm_up_steps": 5}),
    (schedules.InverseSquareRoot, {"initial_learning_rate": 0.1, "decay_steps": 5}),
    (schedules.Cyclical, {"highest": 0.2, "half_cycle": 5, "factor": 0.5}),
    (schedules.OneCycle, {"highest": 0.1, "decay_steps": 5, "start": 2.0, "end": 3.0}),
]


@pytest.mark.parametrize(
    ("make", "given", "name"),
    [(make, given, name) for make, given in ARGUMENTS for name in given],
    ids=lambda value: getattr(value, "__name__", None) or (value if type(value) is str else ""),
)
@pytest.mark.parametrize("value", [0, -0.5, None, float("nan")])
def test_numbers_must_be_above_zero(make, given, name, value):
    others = {"lowest": 0} if make is schedules.Cyclical else {}
    made = make(**given, **others)
    assert {key: getattr(made, key) for key in given} == given
    with pytest.raises(InvalidInput, match=rf"`{name}`. Expected .*above 0. Received: {value}"):
        make(**{**given, **others, name: value})


def test_smallest_and_largest_valid_values_are_accepted():
    schedules.WarmUp(0.001, 1)
    schedules.InverseSquareRoot(0.001, 1)
    schedules.Cyclical(0, 0.001, 1, 0.5)
    schedules.OneCycle(0.001, 1, 0.001, 0.5, 0.5)
    schedules.InverseSigmoid(1)
    constant = schedules.Cyclical(0.3, 0.3, 2)
    assert [float(constant(step)) for step in range(5)] == pytest.approx([0.3] * 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: schedules.Cyclical(-0.1, 0.2, 5),
            r"argument `lowest`. Expected a number from 0 to `highest`, 0.2. Received: -0.1$",
        ),
        (
            lambda: schedules.OneCycle(0.1, 10, rise=0),
            r"argument `rise`. Expected a fraction between 0 and 1. Received: 0$",
        ),
        (
            lambda: schedules.OneCycle(0.1, 10, rise=0.5, three_phases=True),
            r"argument `rise`. Expected a fraction between 0 and 0.5. Received: 0.5$",
        ),
        (
            lambda: schedules.WarmUp(0, 5),
            r"argument `schedule`. Expected a schedule or a number above 0. Received: 0$",
        ),
        (lambda: schedules.OneCycle(0.1, 10, three_phases=1), r"`three_phases`.*True or False"),
        (lambda: schedules.Cyclical(0, 0.1, 5, per="XstepX"), "one of cycle, step. "),
        (lambda: schedules.OneCycle(0.1, 10, shape="XlinearX"), "one of cosine, linear. "),
        (lambda: schedules.InverseSigmoid(0), r"`decay_steps`. Expected .*at least 1. Received: 0"),
    ],
)
def test_values_beyond_the_limits_are_refused(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "defaults"),
    [
        (lambda: schedules.Cyclical(0, 1, 2), {"factor": 1.0, "per": "step"}),
        (
            lambda: schedules.OneCycle(1, 2),
            {
                "rise": 0.3,
                "start": 25.0,
                "end": 1e4,
                "shape": "cosine",
                "three_phases": False,
            },
        ),
    ],
)
def test_arguments_have_the_published_defaults(make, defaults):
    config = make().get_config()
    assert {name: config[name] for name in defaults} == defaults


def test_cycle_of_three_phases_returns_to_its_start_before_the_last_phase():
    schedule = schedules.OneCycle(1.0, 100, 0.2, 10.0, 100.0, "linear", three_phases=True)
    steps = (0, 10, 20, 30, 40, 70, 100, 200)
    values = [0.1, 0.55, 1, 0.55, 0.1, 0.0505, 0.001, 0.001]
    assert [float(schedule(step)) for step in steps] == pytest.approx(values)
    heights = [0, 0.5, 1, 0.5, 0, 0, 0, 0]
    assert [float(schedule.height(step)) for step in steps] == pytest.approx(heights, abs=1e-6)
    two = schedules.OneCycle(1.0, 100, 0.2, 10.0, 100.0, "cosine")
    heights = [0, 0.5, 1, 0.5, 0, 0]
    found = [float(two.height(step)) for step in (0, 10, 20, 60, 100, 200)]
    assert found == pytest.approx(heights, abs=1e-6)


def test_joined_schedules_follow_each_other():
    first = keras.optimizers.schedules.CosineDecay(0.4, 10)
    second = keras.optimizers.schedules.CosineDecay(0.2, 10)
    schedule = schedules.Joined(first, second, 6)
    expected = [first(t) if t < 6 else second(t - 6) for t in range(20)]
    assert [float(schedule(t)) for t in range(20)] == [float(rate) for rate in expected]
    with pytest.raises(InvalidInput, match="`step`"):
        schedules.Joined(first, second, 0)


def test_factor_applies_to_each_step_or_each_cycle():
    by_cycle = schedules.Cyclical(0, 1, 2, 0.5, "cycle")
    found = [float(by_cycle(step)) for step in range(11)]
    assert found == pytest.approx([0, 0.5, 1, 0.5, 0, 0.25, 0.5, 0.25, 0, 0.125, 0.25])
    by_step = schedules.Cyclical(0, 1, 2, 0.5, "step")
    assert [float(by_step(step)) for step in (1, 2, 3)] == pytest.approx([0.25, 0.25, 0.0625])


def test_every_schedule_is_public():
    assert set(schedules.__all__) == {
        "CycleMomentum",
        "Cyclical",
        "InverseSigmoid",
        "InverseSquareRoot",
        "Joined",
        "OneCycle",
        "WarmUp",
    }
    assert all(hasattr(schedules, name) for name in schedules.__all__)


@pytest.mark.parametrize(
    ("make", "given", "name", "largest"),
    [
        (schedules.WarmUp, {"schedule": 0.1}, "warm_up_steps", 1e9),
        (schedules.WarmUp, {"warm_up_steps": 5}, "schedule", 1e6),
        (schedules.InverseSquareRoot, {"decay_steps": 5}, "initial_learning_rate", 1e6),
        (schedules.InverseSquareRoot, {"initial_learning_rate": 0.1}, "decay_steps", 1e9),
        (schedules.InverseSigmoid, {}, "decay_steps", 1e9),
        (schedules.Cyclical, {"lowest": 0, "half_cycle": 5}, "highest", 1e6),
        (schedules.Cyclical, {"lowest": 0, "highest": 1}, "half_cycle", 1e9),
        (schedules.Cyclical, {"lowest": 0, "highest": 1, "half_cycle": 5}, "factor", 1),
        (schedules.OneCycle, {"decay_steps": 5}, "highest", 1e6),
        (schedules.OneCycle, {"highest": 1}, "decay_steps", 1e9),
        (schedules.OneCycle, {"highest": 1, "decay_steps": 5}, "start", 1e12),
        (schedules.OneCycle, {"highest": 1, "decay_steps": 5}, "end", 1e12),
    ],
)
def test_error_names_the_largest_value(make, given, name, largest):
    assert getattr(make(**given, **{name: largest}), name) == largest
    with pytest.raises(InvalidInput, match=f"`{name}`.*at most"):
        make(**given, **{name: largest * 1.01})


def test_numpy_numbers_become_python_numbers():
    made = schedules.Cyclical(np.float32(0.5), np.float64(1.0), np.int64(4))
    config = made.get_config()
    assert [type(config[name]) for name in ("lowest", "highest", "half_cycle")] == [
        float,
        float,
        int,
    ]
    assert schedules.Cyclical.from_config(config).get_config() == config
