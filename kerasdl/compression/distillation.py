"""Knowledge distillation: a small network learns what a large one says of every class."""

import keras
from keras import distillation

from kerasdl.compression import pruning
from kerasdl.errors import InvalidInput


def distill(
    student: keras.Model,
    teacher: keras.Model,
    train,
    *,
    temperature: float = 4.0,
    alpha: float = 0.7,
    epochs: int = 10,
    optimizer=None,
    callbacks=(),
    **fit_options,
) -> keras.Model:
    """Train a compiled student on labels and on its teacher's logits; returns the student.

        loss = alpha T^2 KL(softmax(t / T), softmax(s / T)) + (1 - alpha) loss(y, s)

    A teacher's wrong classes say which classes look alike, and a temperature above 1 makes them
    loud. T^2 makes up for the gradients of softened logits, which are 1 / T^2 as large. The trainer
    is Keras's `Distiller`.

    Args:
        student: A built and compiled network that gives logits; its loss, optimizer and metrics are
            those it was compiled with.
        teacher: A trained network that gives logits for the same input; it does not change.
        train: A `tf.data.Dataset` of batches.
        temperature: Softens both distributions.
        alpha: Weight of the teacher against the labels.
        epochs: Epochs of training.
        optimizer: By default one like the student's own, anew.
        callbacks: More callbacks.
        **fit_options: What `fit` takes.

    Reference: Hinton, Vinyals, Dean (2015), Distilling the Knowledge in a Neural Network.
    Spec: CMP-01, CMP-02, CMP-03, CMP-04
    """
    if not 0 <= alpha <= 1:
        raise InvalidInput("value for argument `alpha`", "0 <= alpha <= 1", alpha)
    if temperature <= 0:
        raise InvalidInput("value for argument `temperature`", "a positive number", temperature)
    if student.output_shape != teacher.output_shape:
        expected = f"outputs like the teacher's, {teacher.output_shape}"
        raise InvalidInput(f"student `{student.name}`", expected, student.output_shape)
    pruning.renew_optimizer(student, optimizer)
    pair = distillation.Distiller(
        _Frozen(teacher),
        student,
        # by its name, its default, Keras would take the divergence of the logits themselves
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
        for variable in learning:  # the distiller takes every variable that is trainable
            variable.trainable = False
        pair.fit(train, epochs=epochs, callbacks=list(callbacks), **fit_options)
    finally:
        for variable in learning:
            variable.trainable = True
    return student


class _Frozen(keras.Model):
    """The teacher's outputs; the distiller would freeze the teacher itself for good."""

    def __init__(self, teacher):
        super().__init__(teacher.inputs, teacher.outputs, name=teacher.name, trainable=False)
