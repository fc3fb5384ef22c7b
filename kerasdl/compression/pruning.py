"""Pruning: the smallest weights become zeros while the network goes on learning."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.compression import masks, schedules
from kerasdl.errors import InvalidInput

PATTERNS = ("unstructured", "2:4", "block")
SCOPES = ("layer", "global")
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
KERNELS = ("kernel", "recurrent_kernel", "pointwise_kernel", "embeddings")


def prune(
    model: keras.Model,
    train,
    *,
    sparsity: float = 0.8,
    schedule="polynomial",
    pattern: str = "unstructured",
    scope: str = "layer",
    epochs: int = 10,
    skip: tuple[str, ...] = (),
    optimizer=None,
    callbacks=(),
    **fit_options,
) -> keras.Model:
    """Train a compiled model on while its smallest weights become zeros; returns the model.

    The network is sparse after half of the steps and adapts in the other half. A zero costs
    nothing in a compressed file, and nothing at all in one with sparse storage.

    Args:
        model: Any Keras 3 model that is built and compiled.
        train: A `tf.data.Dataset` of batches that ends.
        sparsity: Share of zeros at the end, exactly, in each kernel or in all together.
        schedule: "polynomial", little by little; "constant", at once; or a function of the step, as
            `schedules.Polynomial` and TFMOT's schedules are.
        pattern: "unstructured"; "2:4", two zeros in every four consecutive inputs, whatever
            `sparsity` says; "block", squares of 4x4.
        scope: "layer" prunes each kernel equally; "global" prunes where weights are small.
        epochs: Epochs of training.
        skip: Names of layers that stay dense.
        optimizer: By default one like the model's own, anew: its schedule starts again.
        callbacks: More callbacks.
        **fit_options: What `fit` takes.
    """
    errors.one_of("value for argument `pattern`", pattern, PATTERNS)
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
    model.fit(train, epochs=epochs, callbacks=[*callbacks, callback], **fit_options)
    return model


class Prune(keras.callbacks.Callback):
    """Hold kernels sparse while `fit` trains, whatever its steps are made of.

    A mask is the constraint of its variable: the optimizer itself applies it after every update,
    inside the compiled step. So it holds with XLA, `steps_per_execution`, gradient accumulation and
    a `train_step` of one's own. A weight that is masked may come back when masks are renewed, if
    its last update made it large. A training that goes on from a checkpoint finds its masks in the
    zeros of the weights, and its place in the schedule in the optimizer.

    Args:
        schedule: A function of the number of the step that comes next, from 1 as TFMOT counts:
            (whether masks are renewed, sparsity).
        pattern, scope, skip: See `prune`.
    """

    def __init__(self, schedule, *, pattern="unstructured", scope="layer", skip=()):
        super().__init__()
        errors.one_of("value for argument `pattern`", pattern, PATTERNS)
        errors.one_of("value for argument `scope`", scope, SCOPES)
        if scope == "global" and pattern != "unstructured":
            raise InvalidInput("scope 'global'", "the pattern 'unstructured'", pattern)
        self.schedule = schedule
        self.pattern = pattern
        self.scope = scope
        self.skip = skip
        self.constraints = []

    def on_train_begin(self, logs=None):
        variables = kernels(self.model, self.pattern, self.skip)
        if not variables:
            expected = f"kernels that the pattern '{self.pattern}' fits"
            raise InvalidInput(f"model `{self.model.name}`", expected, "none")
        with self.model.distribute_strategy.scope():
            self.constraints = [_Constraint(self, variable) for variable in variables]
        self.model.make_train_function(force=True)  # an old one was traced without masks
        self.begun = False

    def on_train_batch_begin(self, batch, logs=None):
        if not self.begun:  # other callbacks have restored what they had saved
            self.begun = True
            step = _iterations(self.model)
            for constraint in self.constraints:
                constraint.begin(step)

    def on_train_end(self, logs=None):
        for constraint in self.constraints:
            constraint.end()
        self.model.train_function = None

    def mask(self, constraint, value, sparsity):
        """The new mask of one variable that is about to get `value`."""
        if self.pattern == "2:4":
            return masks.two_of_four(value)
        if self.pattern == "block":
            return masks.block(value, sparsity)
        if self.scope == "layer":
            return masks.unstructured([value], sparsity)[0]
        everything = [value if c is constraint else c.variable.value for c in self.constraints]
        return masks.unstructured(everything, sparsity)[self.constraints.index(constraint)]


class _Constraint:
    """A variable's mask, renewed by the schedule, after the constraint that was there before."""

    def __init__(self, prune, variable):
        before = variable.constraint
        self.before = before.before if isinstance(before, _Constraint) else before
        self.prune = prune
        self.variable = variable
        options = {"trainable": False, "aggregation": "only_first_replica"}
        self.mask = keras.Variable("ones", variable.shape, "float32", **options)
        self.step = keras.Variable(0, dtype="int32", **options)
        variable.constraint = self

    def begin(self, step):
        self.step.assign(step)
        due, sparsity = self.prune.schedule(self.step.value + 1)
        value = self.variable.value
        if due:
            self.mask.assign(self.prune.mask(self, value, sparsity))
        elif sparsity > 0:
            self.mask.assign(tf.cast(value != 0, "float32"))
        self.apply()

    def __call__(self, variable):
        value = tf.convert_to_tensor(self.before(variable) if self.before else variable)
        self.step.assign_add(1)
        due, sparsity = self.prune.schedule(self.step.value + 1)
        self.mask.assign(
            tf.cond(
                due,
                lambda: self.prune.mask(self, value, sparsity),
                lambda: tf.convert_to_tensor(self.mask.value),
            )
        )
        return value * tf.cast(self.mask.value, value.dtype)

    def apply(self):
        self.variable.assign(self.variable.value * tf.cast(self.mask.value, self.variable.dtype))

    def end(self):
        self.apply()  # an optimizer's averages of weights are put in after the last step
        self.variable.constraint = self.before


def kernels(model, pattern="unstructured", skip=()) -> list:
    """The variables that pruning may make sparse: no biases, no scales, no depthwise filters."""
    ranks = range(2, 9) if pattern == "unstructured" else (2, 3, 4)
    found = {}
    for layer in model._flatten_layers():
        if layer.name in skip or isinstance(layer, DEPTHWISE) or not layer.trainable:
            continue
        # an einsum's axes have no fixed meaning
        if pattern != "unstructured" and isinstance(layer, keras.layers.EinsumDense):
            continue
        for name in KERNELS:
            variable = getattr(layer, name, None)
            if isinstance(variable, keras.Variable) and len(variable.shape) in ranks:
                found[id(variable)] = variable
    return list(found.values())


def sparsity(model: keras.Model) -> dict[str, float]:
    """Share of zeros in each kernel, by path."""
    return {v.path: float(np.mean(v.numpy() == 0)) for v in kernels(model)}


def steps_in(train) -> int:
    """Batches of an epoch."""
    try:
        return len(train)
    except TypeError as error:
        expected = "a dataset of known length (`assert_cardinality` tells it)"
        raise InvalidInput("value for argument `train`", expected, error) from error


def renew_optimizer(model, optimizer=None):
    """Give a compiled model an optimizer that has not stepped yet."""
    if not model.compiled:
        raise InvalidInput(f"model `{model.name}`", "a compiled model", "one that is not compiled")
    old = getattr(model, "optimizer", None)  # a learner may have several, of its own
    if optimizer or old:
        model.optimizer = optimizer or type(old).from_config(old.get_config())
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
        model.train_function = None


def _iterations(model):
    found = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    return max((int(optimizer.iterations) for optimizer in found), default=0)
