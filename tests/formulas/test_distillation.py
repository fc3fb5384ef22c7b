"""Distillation, compared with Keras's distiller, PyTorch and values computed by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import distillation as distillers
from scipy import special, stats

from kerasdl.formulas import distillation

NOTES = np.array([[2.0, 1.0, 0.1]])


@pytest.fixture
def numbers(reference):
    return reference("ce_label_smoothing_kd")


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_soft_loss(temperature, numbers, same):
    teacher, student = numbers["teacher"], numbers["logits"]
    ours = distillation.soft_loss(teacher, student, temperature)
    theirs = numbers[f"kd_T{temperature:.0f}"]
    same(distillation.soft_loss, "torch kl_div (fixture)", ours, theirs)
    loss = distillers.LogitsDistillation(temperature, keras.losses.KLDivergence())
    theirs = loss.compute_loss(tf.constant(teacher), tf.constant(student))
    same(distillation.soft_loss, "keras.distillation.LogitsDistillation", ours, theirs, 1e-5)


def test_soft_targets_have_a_higher_entropy(same):
    several = [distillation.soft_targets(NOTES[0], t) for t in (1, 2, 4, 8)]
    theirs = [special.softmax(NOTES[0] / t) for t in (1, 2, 4, 8)]
    same(distillation.soft_targets, "scipy.special.softmax", several, theirs)
    entropies = stats.entropy(several, axis=1)
    assert np.all(np.diff(entropies) > 0)


def test_both_losses(numbers, same):
    formula = distillation.distillation_loss
    labels, teacher, student = numbers["y"], numbers["teacher"], numbers["logits"]
    ours = formula(labels, teacher, student)
    same(formula, "torch, 0.7 soft and 0.3 hard (fixture)", ours, numbers["kd_total_a07"])
    teaching, learning = (_gives(logits) for logits in (teacher, student))
    soft = distillers.LogitsDistillation(4.0, keras.losses.KLDivergence())
    pair = distillers.Distiller(teaching, learning, soft, student_loss_weight=0.3)
    hard = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    pair.compile(loss=hard)
    rows = np.arange(6)
    theirs = pair.compute_loss(rows, labels, learning(rows), None, training=False)
    same(formula, "keras.distillation.Distiller", ours, theirs, 1e-5)


def _gives(logits):
    """Make a model that returns row i of the logits for the input i."""
    x = keras.Input((), dtype="int32")
    table = keras.layers.Embedding(*logits.shape)
    model = keras.Model(x, table(x))
    table.set_weights([logits])
    return model


def test_known_losses():
    labels = np.array([0])
    assert distillation.soft_loss(NOTES, NOTES) == 0
    assert distillation.distillation_loss(labels, NOTES, NOTES) == pytest.approx(0.125109, abs=1e-6)
    zeros = np.zeros((1, 3))
    assert distillation.soft_loss(NOTES, zeros) == pytest.approx(0.299355, abs=1e-6)
    assert distillation.distillation_loss(labels, NOTES, zeros) == pytest.approx(0.539132, abs=1e-6)


def test_the_squared_temperature_keeps_the_size_of_gradients():
    student, teacher = tf.Variable(np.zeros((1, 3))), tf.constant(NOTES / 10)

    def slope(temperature):
        with tf.GradientTape() as tape:
            soft = [tf.nn.softmax(z / temperature) for z in (teacher, student)]
            loss = temperature**2 * tf.reduce_sum(soft[0] * tf.math.log(soft[0] / soft[1]))
        return np.linalg.norm(tape.gradient(loss, student))

    assert slope(8.0) == pytest.approx(slope(2.0), rel=0.05)
