"""CycleMomentum has PyTorch's values, and trained weights equal those of the formulas."""

import pathlib
import re

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import schedules
from kerasdl.errors import InvalidInput
from kerasdl.formulas import optimizers

TORCH = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lr_schedules.npz")
STEPS = 12


def cycle():
    return schedules.OneCycle(0.1, STEPS)


def trained(optimizer, *callbacks, model=None, **options):
    """Train y = w x on y^2 from w = 1, where the gradient is 2 w; return the model and w."""
    if model is None:
        layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((1,)), layer])
        model.compile(optimizer, "mse", **options)
    x = np.ones((STEPS, 1))
    model.fit(x, 0 * x, batch_size=1, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model, model.get_weights()[0].item()


def walked(formula, momentum, memory):
    """Return the weights of the same training computed by a formula."""
    rate, w = cycle(), 1.0
    for t in range(STEPS):
        w, *memory = formula(w, 2 * w, memory, t, float(rate(t)), float(momentum(t)))
    return w


def by_sgd(w, gradient, memory, t, rate, momentum):
    return optimizers.momentum(w, gradient, *memory, rate, momentum)


def by_adam(w, gradient, memory, t, rate, momentum):
    return optimizers.adam(w, gradient, *memory, t + 1, rate, momentum, epsilon=1e-7)


@pytest.mark.parametrize(
    ("schedule", "ends", "name"),
    [
        (schedules.OneCycle(0.1, 40, 11.3 / 40), (0.85, 0.95), "onecycle_cos"),
        (
            schedules.OneCycle(0.1, 40, 15.4 / 40, 10, 100, shape="linear", three_phases=True),
            (0.85, 0.95),
            "onecycle_lin",
        ),
        (schedules.Cyclical(0.01, 0.1, 5), (0.8, 0.9), "cyclic_tri"),
        (schedules.Cyclical(0.01, 0.1, 5, 0.5, "cycle"), (0.8, 0.9), "cyclic_tri2"),
        (schedules.Cyclical(0.01, 0.1, 5, 0.98), (0.8, 0.9), "cyclic_exp"),
    ],
)
def test_momentum_equals_that_of_pytorch(schedule, ends, name):
    momentum = schedules.CycleMomentum(schedule, *ends).momentum
    np.testing.assert_allclose(
        [momentum(t) for t in range(40)], TORCH[f"{name}_momentum"], atol=1e-6
    )


@pytest.mark.parametrize(
    "options",
    [{}, {"steps_per_execution": 4}, pytest.param({"jit_compile": True}, marks=pytest.mark.slow)],
)
def test_weights_with_sgd_equal_the_formula(options):
    callback = schedules.CycleMomentum(cycle())
    _, w = trained(keras.optimizers.SGD(cycle(), momentum=0.9), callback, **options)
    assert w == pytest.approx(walked(by_sgd, callback.momentum, [0.0]), abs=1e-5)
    assert w != pytest.approx(walked(by_sgd, lambda t: 0.9, [0.0]), abs=1e-3)


@pytest.mark.parametrize("package", [keras.optimizers, kerasdl.optimizers])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_weights_with_adam_equal_the_formula(package, name):
    callback = schedules.CycleMomentum(cycle())
    options = {"weight_decay": 0.0} if name == "AdamW" else {}
    _, w = trained(getattr(package, name)(cycle(), **options), callback)
    assert w == pytest.approx(walked(by_adam, callback.momentum, [0.0, 0.0]), abs=1e-4)
    assert w != pytest.approx(walked(by_adam, lambda t: 0.9, [0.0, 0.0]), abs=1e-3)


def test_momentum_changes_in_mixed_precision_too():
    callback = schedules.CycleMomentum(cycle())
    inner = keras.optimizers.SGD(cycle(), momentum=0.9)
    _, w = trained(keras.optimizers.LossScaleOptimizer(inner), callback)
    assert w == pytest.approx(walked(by_sgd, callback.momentum, [0.0]), abs=1e-5)


def test_constant_momentum_is_restored_and_a_second_fit_cycles_too(tmp_path):
    callback = schedules.CycleMomentum(cycle())
    model, _ = trained(keras.optimizers.SGD(cycle(), momentum=0.9))
    model.set_weights([np.ones((1, 1))])
    for variable in model.optimizer.variables:  # the optimizer's count of steps and its velocity
        variable.assign(0 * variable)
    saving = keras.callbacks.ModelCheckpoint(tmp_path / "during.keras")
    _, w = trained(None, callback, saving, model=model)
    assert w == pytest.approx(walked(by_sgd, callback.momentum, [0.0]), abs=1e-5)
    assert type(model.optimizer.momentum) is float and model.optimizer.momentum == 0.9
    assert keras.models.load_model(tmp_path / "during.keras").optimizer.momentum == 0.9


class MakesItsStepAnew(keras.callbacks.Callback):
    """A callback that changes what the training step reads, such as which layers are frozen."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == STEPS // 2:
            self.model.make_train_function(force=True)


def test_momentum_changes_in_a_training_step_that_another_callback_makes():
    callback = schedules.CycleMomentum(cycle())
    optimizer = keras.optimizers.SGD(cycle(), momentum=0.9)
    _, w = trained(optimizer, callback, MakesItsStepAnew())
    assert w == pytest.approx(walked(by_sgd, callback.momentum, [0.0]), abs=1e-5)


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


@pytest.mark.parametrize("again", [False, True])
def test_interrupted_fit_does_not_affect_the_next_fit(again):
    callback = schedules.CycleMomentum(cycle())
    model, _ = trained(keras.optimizers.SGD(cycle(), momentum=0.9))
    with pytest.raises(KeyboardInterrupt):
        trained(None, callback, Interrupt(), model=model)
    model.set_weights([np.ones((1, 1))])
    for variable in model.optimizer.variables:
        variable.assign(0 * variable)
    _, w = trained(None, *[callback] * again, model=model)
    momentum = callback.momentum if again else lambda t: 0.9
    assert w == pytest.approx(walked(by_sgd, momentum, [0.0]), abs=1e-5)
    assert type(model.optimizer.momentum) is float and model.optimizer.momentum == 0.9
    assert "make_train_function" not in vars(model)


@pytest.mark.parametrize("make", [keras.optimizers.SGD, keras.optimizers.Adagrad])
def test_optimizer_without_momentum_is_refused(make):
    message = (
        "^Invalid optimizer for CycleMomentum. Expected SGD with a momentum, Adam or AdamW. "
        f"Received: {make.__name__}$"
    )
    with pytest.raises(InvalidInput, match=message):
        trained(make(cycle()), schedules.CycleMomentum(cycle()))


def test_invalid_arguments_are_named():
    for schedule in (schedules.WarmUp(0.1, 3), schedules.OneCycle, 0.1):
        message = r"argument `schedule`. Expected OneCycle or Cyclical. Received: "
        with pytest.raises(InvalidInput, match=message + re.escape(str(schedule))):
            schedules.CycleMomentum(schedule)
    for ends in ((0.9, 0.8), ("a", 0.8), (0.5, None), (-0.1, 0.8), (0.5, 1.0), (True, 0.9)):
        received = f"lowest={ends[0]}, highest={ends[1]}"
        message = "^Invalid momentum. Expected numbers with 0 <= lowest <= highest < 1. Received: "
        with pytest.raises(InvalidInput, match=f"{message}{re.escape(received)}$"):
            schedules.CycleMomentum(cycle(), *ends)


def test_default_momentum_is_0_95_to_0_85_and_it_may_be_constant():
    callback = schedules.CycleMomentum(schedules.OneCycle(0.1, 10, 0.5))
    assert [float(callback.momentum(step)) for step in (0, 5, 10)] == pytest.approx(
        [0.95, 0.85, 0.95]
    )
    constant = schedules.CycleMomentum(cycle(), 0, 0)
    assert [float(constant.momentum(step)) for step in (0, 5)] == [0, 0]
    equal = schedules.CycleMomentum(cycle(), 0.9, 0.9)
    assert [float(equal.momentum(step)) for step in (0, 5)] == pytest.approx([0.9, 0.9])
