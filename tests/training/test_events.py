"""Events have the metrics of every epoch, as TensorBoard reads them."""

import types

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

from kerasdl.training.events import Events


def fit(folder, optimizer, **options):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    data = np.ones((4, 2)), np.ones((4, 1))
    options = {"epochs": 3, "verbose": 0, "shuffle": False, **options}
    return model.fit(*data, callbacks=[Events(folder)], **options).history


def curves(folder):
    """Return the curve of each tag: steps and values."""
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [
            (e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


def test_events_have_metrics_and_learning_rate(tmp_path):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.4, 1, 0.5)
    data = np.zeros((4, 2)), np.ones((4, 1))
    history = fit(tmp_path, keras.optimizers.SGD(schedule), validation_data=data)
    train, validation = (curves(tmp_path / name) for name in ("train", "validation"))
    assert set(train) == {"epoch_loss", "epoch_learning_rate"}
    assert set(validation) == {"epoch_loss"}
    for found, name in ((train, "loss"), (validation, "val_loss")):
        steps, values = zip(*found["epoch_loss"], strict=True)
        assert steps == (0, 1, 2)
        np.testing.assert_allclose(values, history[name], rtol=1e-6)
    assert [v for _, v in train["epoch_learning_rate"]] == pytest.approx([0.2, 0.1, 0.05])


def test_tags_are_those_of_keras(tmp_path):
    fit(tmp_path / "ours", keras.optimizers.SGD(0.1))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    board = keras.callbacks.TensorBoard(tmp_path / "keras", write_graph=False)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), callbacks=[board], verbose=0)
    assert set(curves(tmp_path / "ours" / "train")) == set(curves(tmp_path / "keras" / "train"))
    assert not (tmp_path / "ours" / "validation").exists()


def test_each_optimizer_has_its_learning_rate(tmp_path):
    parts = [keras.optimizers.SGD(0.1, name="first"), keras.optimizers.SGD(0.2, name="second")]
    events = Events(tmp_path)
    events.set_model(types.SimpleNamespace(optimizer=types.SimpleNamespace(optimizers=parts)))
    events.on_epoch_end(4, {"loss": 1.5})
    events.on_train_end()
    found = curves(tmp_path / "train")
    assert found["epoch_learning_rate_first"] == [(4, pytest.approx(0.1))]
    assert found["epoch_learning_rate_second"] == [(4, pytest.approx(0.2))]
    assert found["epoch_loss"] == [(4, 1.5)]
