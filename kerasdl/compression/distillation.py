"""Knowledge distillation: train a small network on the outputs of a large one."""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import distillation

from kerasdl.compression import pruning
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.fast_training import fast_training


def distill(
    student: keras.Model,
    teacher: keras.Model,
    train: tf.data.Dataset,
    *,
    temperature: float = 4.0,
    alpha: float = 0.7,
    epochs: int = 10,
    optimizer: keras.Optimizer | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **fit_options,
) -> keras.Model:
    """Train a compiled student on labels and on its teacher's logits, and return the student.

        loss = alpha T^2 KL(softmax(t / T), softmax(s / T)) + (1 - alpha) loss(y, s)

    The teacher's small probabilities tell which classes are similar. A temperature above 1 makes
    them larger. The factor T^2 compensates for the gradients of softened logits, which are 1 / T^2
    as large. Training uses Keras's `Distiller`.

    Args:
        student: A built and compiled network that returns logits. It is trained with the loss,
            optimizer and metrics it was compiled with.
        teacher: A trained network that returns logits for the same input. It does not change.
        train: A `tf.data.Dataset` of batches.
        temperature: float above 0, at most 10,000, divides the logits of both networks; higher is
            softer.
        alpha: float in [0, 1], weight of the teacher's loss. The labels' loss has 1 - alpha.
        epochs: int, number of epochs.
        optimizer: By default a new copy of the student's.
        callbacks: Keras callbacks.
        **fit_options: Further arguments of `fit`.

    Example:
        >>> import numpy as np
        >>> layers = [keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(3)]
        >>> teacher = keras.Sequential(layers)
        >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> student.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> train = tf.data.Dataset.from_tensors((np.ones((8, 4), "float32"), np.zeros(8, "int32")))
        >>> distill(student, teacher, train, epochs=1) is student
        True

    Reference: Hinton, Vinyals, Dean (2015), Distilling the Knowledge in a Neural Network.
    """
    checks.models(student=student, teacher=teacher)
    checks.datasets(train=train)
    checks.fractions(one=True, alpha=alpha)
    checks.numbers(above=0, limit=1e4, temperature=temperature)
    checks.integers(epochs=epochs, limit=checks.LARGEST)
    if student.output_shape != teacher.output_shape:
        expected = f"outputs like the teacher's, {teacher.output_shape}"
        raise InvalidInput(f"student `{student.name}`", expected, student.output_shape)
    pruning.renew_optimizer(student, optimizer)
    pair = distillation.Distiller(
        _Frozen(teacher),
        student,
        # given by name, as by default, Keras would compute the divergence of the raw logits
        distillation_losses=distillation.LogitsDistillation(
            temperature, keras.losses.KLDivergence()
        ),
        student_loss_weight=1 - alpha,
    )
    compiled = student._compile_metrics
    pair.compile(
        student.optimizer,
        student.loss,
        metrics=compiled and compiled._user_metrics,
        jit_compile=student.jit_compile,
        steps_per_execution=student.steps_per_execution,
    )
    fit_options = {"verbose": 0, "shuffle": False, **fit_options}
    learning = [variable for variable in teacher.variables if variable.trainable]
    try:
        for variable in learning:  # the distiller trains every trainable variable
            variable.trainable = False
        with fast_training():
            pair.fit(train, epochs=epochs, callbacks=list(callbacks), **fit_options)
    finally:
        for variable in learning:
            variable.trainable = True
    return student


class _Frozen(keras.Model):
    """The teacher's outputs. Keras's distiller would freeze the teacher itself permanently."""

    def __init__(self, teacher):
        super().__init__(teacher.inputs, teacher.outputs, name=teacher.name, trainable=False)
