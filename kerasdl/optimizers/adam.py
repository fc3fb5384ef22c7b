"""Adam and AdamW with a training step that is built and run faster."""

from typing import Any

import keras
import tensorflow as tf


class OneStep(keras.optimizers.Optimizer):
    """Compute what all weights share once a step: the learning rate and the powers of the betas."""

    _of_step: dict | None = None  # values computed once a step; `None` between steps

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables by their gradients."""
        self._of_step = {}
        try:
            super().apply(grads, trainable_variables)
        finally:
            self._of_step = None  # the next step has another learning rate

    def apply_adam(
        self,
        gradient: Any,
        variable: Any,
        learning_rate: Any,
        moments: tuple[Any, Any],
        betas: tuple[float, float],
    ) -> None:
        """Update one variable by Adam's step, with one kernel of TensorFlow.

        Args:
            gradient: Tensor, of the variable.
            variable: `keras.Variable`.
            learning_rate: Number or tensor.
            moments: The variables of the moving averages of the gradient and of its square.
            betas: tuple of floats, their decays.
        """
        dtype = variable.dtype
        powers = [self._power(beta, dtype) for beta in betas]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].value.handle,
            v=moments[1].value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(betas[0], dtype),
            beta2=tf.cast(betas[1], dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        )

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Return the pairs as they are for one replica, where a sum only adds to the graph."""
        pairs = [*grads_and_vars]
        one = self._distribution_strategy.num_replicas_in_sync == 1
        if one and all(gradient is not None for gradient, _ in pairs):
            return pairs
        return super()._all_reduce_sum_gradients(pairs)

    def _get_current_learning_rate(self):
        return self._once("rate", None, super()._get_current_learning_rate)

    def _power(self, beta, dtype):
        """Return beta^t of the current step."""

        def power():
            step = keras.ops.cast(self.iterations + 1, dtype)
            return keras.ops.cast(beta, dtype) ** step

        return self._once(beta, dtype, power)

    def _once(self, name, dtype, compute):
        """Compute a value, or return the one computed before in this step and this graph."""
        if self._of_step is None:
            return compute()
        graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        key = (name, dtype, id(graph))
        if key not in self._of_step:
            self._of_step[key] = compute()
        return self._of_step[key]


class _Kernel(OneStep, keras.optimizers.Adam):
    """Adam with one kernel of TensorFlow for the update of a weight."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable by its gradient."""
        if self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        moments = self._momentums[index], self._velocities[index]
        self.apply_adam(gradient, variable, learning_rate, moments, (self.beta_1, self.beta_2))


@keras.saving.register_keras_serializable(package="kerasdl")
class Adam(_Kernel):
    """Keras's Adam, with one kernel of TensorFlow in place of ten operations for each weight.

        m = m + (1 - beta_1) (g - m)
        v = v + (1 - beta_2) (g^2 - v)
        w = w - eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    The learning rate and the powers of the betas are computed once a step; Keras adds them to the
    graph again for each weight. With a schedule, the graph of an update has a third of the
    operations, so training starts sooner. Clipping, averages of weights, loss scaling, accumulated
    gradients and distribution are Keras's.

    If a batch has several gradients for one row of an embedding, they are added before they are
    squared, as in the equations. Keras 3.15 squares each and adds the squares.

    Args:
        *args, **kwargs: Those of `keras.optimizers.Adam`. With `amsgrad=True` the update is Keras's
            own.

    Example:
        >>> optimizer = Adam(0.1)
        >>> weight = keras.Variable([1.0])
        >>> optimizer.apply([keras.ops.ones(1)], [weight])
        >>> round(float(weight.numpy()[0]), 4)
        0.9

    Reference: Kingma and Ba (2015), Adam: A Method for Stochastic Optimization.
    """


@keras.saving.register_keras_serializable(package="kerasdl")
class AdamW(_Kernel, keras.optimizers.AdamW):
    """Keras's AdamW, with the update of `Adam`.

        w = w - eta lambda w - eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    The decay lambda w of the weights is not divided by sqrt(v), so it is the same for all weights.

    Args:
        *args, **kwargs: Those of `keras.optimizers.AdamW`. With `amsgrad=True` the update is
            Keras's own.

    Example:
        >>> optimizer = AdamW(0.1, weight_decay=0.5)
        >>> weight = keras.Variable([1.0])
        >>> optimizer.apply([keras.ops.ones(1)], [weight])
        >>> round(float(weight.numpy()[0]), 4)
        0.85

    Reference: Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization.
    """
