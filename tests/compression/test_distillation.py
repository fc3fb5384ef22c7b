"""The distillation loss equals PyTorch's, and a student learns from its teacher."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl import compression
from kerasdl.errors import InvalidInput

REFERENCE = pathlib.Path(__file__).parents[1] / "reference" / "ce_label_smoothing_kd.npz"


@pytest.fixture
def logits():
    """A function that makes a network that returns given logits."""

    def make(table):
        table = np.asarray(table, "float32")
        inputs = keras.Input((len(table),))
        dense = keras.layers.Dense(table.shape[1], use_bias=False)
        model = keras.Model(inputs, dense(inputs))
        dense.kernel.assign(table)
        return model

    return make


def one_step_loss(student, teacher, labels, **options):
    import tensorflow as tf

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    student.compile(keras.optimizers.SGD(0.0), loss)
    batch = tf.data.Dataset.from_tensors((np.eye(len(labels), dtype="float32"), labels))
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: found.update(logs))
    found = {}
    compression.distill(student, teacher, batch, epochs=1, callbacks=[seen], **options)
    return found


def test_the_loss_equals_pytorch(logits):
    fixture = np.load(REFERENCE)
    student, teacher = logits(fixture["logits"]), logits(fixture["teacher"])
    found = one_step_loss(student, teacher, fixture["y"], temperature=4.0, alpha=0.7)
    np.testing.assert_allclose(found["distillation_loss"], fixture["kd_T4"], atol=1e-5)
    np.testing.assert_allclose(found["loss"], fixture["kd_total_a07"], atol=1e-5)
    np.testing.assert_array_equal(teacher.layers[-1].kernel, fixture["teacher"])
    assert teacher.trainable_variables  # the teacher is not left frozen


@pytest.mark.rows("CMP-01", "CMP-02")
def test_known_values(logits):
    same = one_step_loss(logits([[2, 1, 0.1]]), logits([[2, 1, 0.1]]), np.array([0]))
    np.testing.assert_allclose(same["loss"], 0.125109, atol=1e-6)
    zeros = one_step_loss(logits([[0, 0, 0]]), logits([[2, 1, 0.1]]), np.array([0]))
    np.testing.assert_allclose(zeros["distillation_loss"], 0.299355, atol=1e-5)
    np.testing.assert_allclose(zeros["loss"], 0.539132, atol=1e-5)


@pytest.mark.rows("CMP-03", "CMP-04")
def test_a_student_learns_from_its_teacher_without_labels(train, images, compiled):
    keras.utils.set_random_seed(0)

    def network(width):
        return keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(width, activation="relu"),
                keras.layers.Dense(4),
            ]
        )

    teacher = compiled(network(64), keras.optimizers.Adam(1e-2))
    teacher.fit(train, epochs=20, verbose=0, shuffle=False)
    wrong = train.map(lambda x, y: (x, 0 * y))  # useless labels
    student = compiled(network(16), keras.optimizers.Adam(1e-2))
    before = teacher.get_weights()
    compression.distill(student, teacher, wrong, alpha=1.0, epochs=30)
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert all(variable.trainable for variable in teacher.variables)
    agreement = np.mean(student(images).numpy().argmax(-1) == teacher(images).numpy().argmax(-1))
    assert agreement > 0.9


def test_invalid_arguments_are_refused(logits, compiled, train):
    three, four = logits(np.eye(3)), logits(np.eye(3, 4))
    with pytest.raises(InvalidInput, match="outputs like the teacher's"):
        compression.distill(three, four, train)
    with pytest.raises(InvalidInput, match="a compiled model"):
        compression.distill(three, logits(np.eye(3)), train)
    with pytest.raises(InvalidInput, match="alpha"):
        compression.distill(three, three, train, alpha=7)
    with pytest.raises(InvalidInput, match="temperature"):
        compression.distill(three, three, train, temperature=0)
