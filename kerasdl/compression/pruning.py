"""Magnitude pruning: set the smallest weights to zero during training."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.compression import masks, schedules
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.fast_training import fast_training
from kerasdl.utils.types import Tensor

PATTERNS = ("unstructured", "2:4", "block")
SCOPES = ("layer", "global")
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
NOT_TRAINED = {"trainable": False, "aggregation": "only_first_replica"}
KERNELS = ("kernel", "recurrent_kernel", "pointwise_kernel", "embeddings")


def prune(
    model: keras.Model,
    train: tf.data.Dataset,
    *,
    sparsity: float = 0.8,
    schedule: str | Callable = "polynomial",
    pattern: str = "unstructured",
    scope: str = "layer",
    epochs: int = 10,
    skip: tuple[str, ...] = (),
    optimizer: keras.Optimizer | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **fit_options,
) -> keras.Model:
    """Train a compiled model while its smallest weights are set to zero, and return the model.

    The final sparsity is reached after half of the steps; in the other half the remaining weights
    adapt. Zeros take almost no space in a zipped file, or in a file with sparse storage.

    Args:
        model: Any Keras 3 model that is built and compiled. Frozen layers are left as they are.
        train: A finite `tf.data.Dataset` of batches.
        sparsity: float, the exact fraction of zeros at the end, in [0, 1), in each kernel or in all
            kernels together (see `scope`).
        schedule: "polynomial", the default, prunes gradually; "constant" prunes at once. Or a
            function of the step, such as `schedules.Polynomial` or a schedule of TFMOT.
        pattern: "unstructured", any weight; "2:4", two of every four consecutive inputs, for any
            `sparsity`; "block", squares of 4x4 weights.
        scope: "layer" prunes each kernel to the same sparsity; "global" compares the weights of
            all kernels.
        epochs: int, number of epochs.
        skip: tuple of str, names of layers that are not pruned.
        optimizer: By default a new copy of the model's, whose learning rate schedule starts again.
        callbacks: Keras callbacks.
        **fit_options: Further arguments of `fit`.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
        >>> model.compile("sgd", "mse")
        >>> train = tf.data.Dataset.from_tensors((np.ones((8, 4)), np.ones((8, 8)))).repeat(8)
        >>> pruned = prune(model, train, sparsity=0.5, epochs=2, verbose=0)
        >>> list(sparsity(pruned).values())
        [0.5]
    """
    errors.one_of("value for argument `pattern`", pattern, PATTERNS)
    checks.models(model=model)
    checks.datasets(train=train)
    checks.integers(epochs=epochs, limit=checks.LARGEST)
    checks.fractions(sparsity=sparsity)
    sparsity = checks.plain(sparsity)
    steps = epochs * steps_in(train)
    if isinstance(schedule, str):
        errors.one_of("value for argument `schedule`", schedule, ("polynomial", "constant"))
        if schedule == "constant":
            schedule = schedules.constant(sparsity)
        else:
            end, frequency = max(1, steps // 2), max(1, steps // 200)
            schedule = schedules.Polynomial(sparsity, end=end, frequency=frequency)
    callback = Prune(schedule, pattern=pattern, scope=scope, skip=skip)
    renew_optimizer(model, optimizer)
    fit_options = {"verbose": 0, "shuffle": False, **fit_options}
    with fast_training():
        model.fit(train, epochs=epochs, callbacks=[*callbacks, callback], **fit_options)
    return model


class Prune(keras.callbacks.Callback):
    """Keras callback that prunes a model's kernels while `fit` trains it.

    Each mask is the constraint of its variable: the optimizer applies it after every update, inside
    the compiled step. So it works with XLA, `steps_per_execution`, gradient accumulation and a
    custom `train_step`. When the masks are updated, a pruned weight becomes nonzero again if its
    last update made it large. Training resumed from a checkpoint gets its masks from the zeros of
    the weights, and its position in the schedule from the optimizer.

    Args:
        schedule: A function of the number of the next step, counted from 1, that returns (whether
            to update the masks, sparsity). See `schedules`.
        pattern, scope, skip: As in `prune`.
    """

    def __init__(
        self,
        schedule: Callable,
        *,
        pattern: str = "unstructured",
        scope: str = "layer",
        skip: tuple[str, ...] = (),
    ):
        super().__init__()
        errors.one_of("value for argument `pattern`", pattern, PATTERNS)
        errors.one_of("value for argument `scope`", scope, SCOPES)
        if scope == "global" and pattern != "unstructured":
            raise InvalidInput("scope 'global'", "the pattern 'unstructured'", pattern)
        checks.callables(schedule=schedule)
        names = isinstance(skip, (tuple, list)) and all(isinstance(name, str) for name in skip)
        checks.check("skip", skip, names, "a tuple of the names of layers")
        self.schedule = schedule
        self.pattern = pattern
        self.scope = scope
        self.skip = skip
        self.constraints: list[_Constraint] = []

    def on_train_begin(self, logs=None):
        variables = kernels(self.model, self.pattern, self.skip)
        if not variables:
            expected = f"kernels that the pattern '{self.pattern}' fits"
            raise InvalidInput(f"model `{self.model.name}`", expected, "none")
        with self.model.distribute_strategy.scope():
            self.constraints = [_Constraint(self, variable) for variable in variables]
            # the last step at which the masks of all variables were renewed together
            self.renewed = keras.Variable(-1, dtype="int32", **NOT_TRAINED)
        self.model.make_train_function(force=True)  # the old one was traced without masks
        self.started = False

    def on_train_batch_begin(self, batch, logs=None):
        if not self.started:  # now other callbacks have restored their checkpoints
            self.started = True
            step = _iterations(self.model)
            for constraint in self.constraints:
                constraint.begin(step)

    def on_train_end(self, logs=None):
        for constraint in self.constraints:
            constraint.end()
        self.model.train_function = None

    def is_due(self, constraint: "_Constraint", due: bool | Tensor) -> bool | Tensor:
        """Return whether a variable's mask must be renewed, if the schedule says `due`.

        With the scope "global", the first variable of a step renews the masks of all, because that
        sorts all weights.
        """
        return due & (self.renewed.value != constraint.step.value) if self.is_global else due

    def renew(self, constraint: "_Constraint", value: Tensor, sparsity: float | Tensor) -> None:
        """Renew the mask of a variable that is about to become `value`, or those of all."""
        if self.is_global:
            weights = [value if c is constraint else c.variable.value for c in self.constraints]
            found = masks.unstructured(weights, sparsity)
            for other, mask in zip(self.constraints, found, strict=True):
                other.mask.assign(mask)
            self.renewed.assign(constraint.step.value)
        elif self.pattern == "2:4":
            constraint.mask.assign(masks.two_of_four(value))
        elif self.pattern == "block":
            constraint.mask.assign(masks.block(value, sparsity))
        else:
            constraint.mask.assign(masks.unstructured([value], sparsity)[0])

    @property
    def is_global(self) -> bool:
        return self.scope == "global"


class _Constraint:
    """Apply a variable's own constraint, then its mask, which the schedule updates."""

    def __init__(self, prune, variable):
        before = variable.constraint
        self.before = before.before if isinstance(before, _Constraint) else before
        self.prune = prune
        self.variable = variable
        self.mask = keras.Variable("ones", variable.shape, "float32", **NOT_TRAINED)
        self.step = keras.Variable(0, dtype="int32", **NOT_TRAINED)
        variable.constraint = self

    def begin(self, step):
        self.step.assign(step)
        due, sparsity = self.prune.schedule(self.step.value + 1)
        value = self.variable.value
        if due:
            if self.prune.is_due(self, due):
                self.prune.renew(self, value, sparsity)
        elif sparsity > 0:
            self.mask.assign(tf.cast(value != 0, "float32"))
        self.apply()

    def __call__(self, variable):
        value = tf.convert_to_tensor(self.before(variable) if self.before else variable)
        self.step.assign_add(1)
        due, sparsity = self.prune.schedule(self.step.value + 1)
        due = self.prune.is_due(self, due)
        tf.cond(due, lambda: self._renew(value, sparsity), lambda: tf.constant(0))
        return value * tf.cast(self.mask.value, value.dtype)

    def _renew(self, value, sparsity):
        self.prune.renew(self, value, sparsity)
        return tf.constant(0)  # a branch returns a tensor

    def apply(self):
        self.variable.assign(self.variable.value * tf.cast(self.mask.value, self.variable.dtype))

    def end(self):
        self.apply()  # an optimizer with EMA replaces the weights after the last step
        self.variable.constraint = self.before


def kernels(
    model: keras.Model, pattern: str = "unstructured", skip: tuple[str, ...] = ()
) -> list[keras.Variable]:
    """Return the variables that can be pruned: trainable kernels without depthwise filters."""
    ranks = range(2, 9) if pattern == "unstructured" else (2, 3, 4)
    found = {}
    for layer in model._flatten_layers():
        if layer.name in skip or isinstance(layer, DEPTHWISE) or not layer.trainable:
            continue
        # the axes of an EinsumDense kernel have no fixed meaning
        if pattern != "unstructured" and isinstance(layer, keras.layers.EinsumDense):
            continue
        for name in KERNELS:
            variable = getattr(layer, name, None)
            if isinstance(variable, keras.Variable) and len(variable.shape) in ranks:
                found[id(variable)] = variable
    return list(found.values())


def sparsity(model: keras.Model) -> dict[str, float]:
    """Return the fraction of zeros in each kernel, by path.

    Example:
        >>> dense = keras.layers.Dense(2, name="head")
        >>> model = keras.Sequential([keras.Input((4,)), dense], name="model")
        >>> _ = dense.kernel.assign([[0, 1], [0, 2], [0, 3], [4, 5]])
        >>> sparsity(model)
        {'model/head/kernel': 0.375}
    """
    checks.models(model=model)
    return {v.path: float(np.mean(v.numpy() == 0)) for v in kernels(model)}


def steps_in(train: tf.data.Dataset) -> int:
    """Return the number of batches in a dataset; raise if it is unknown or infinite."""
    try:
        return len(train)
    except TypeError as error:
        expected = "a dataset of known length (set it with `assert_cardinality`)"
        raise InvalidInput("value for argument `train`", expected, error) from error


def renew_optimizer(model: keras.Model, optimizer: keras.Optimizer | None = None) -> None:
    """Give a compiled model a new optimizer, by default a copy of its own at step 0."""
    if not model.compiled:
        raise InvalidInput(f"model `{model.name}`", "a compiled model", "one that is not compiled")
    old: Any = getattr(model, "optimizer", None)  # a learner may have several under other names
    if optimizer or old:
        model.optimizer = optimizer or type(old).from_config(old.get_config())
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
        model.train_function = None


def _iterations(model):
    found = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    return max((int(optimizer.iterations) for optimizer in found), default=0)
