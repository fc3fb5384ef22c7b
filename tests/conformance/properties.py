"""The properties: each takes a subject, fails where it does not hold, and says what it measured."""

import functools
import inspect
import json
import pathlib
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import export
from tests.conformance import fresh_process, training
from tests.conformance.inputs import normal
from tests.conformance.subject import one_or_all

REFERENCE = pathlib.Path(__file__).parents[1] / "reference" / "counts.json"


def round_trip(subject, folder):
    """A configuration without defaults comes back; so does a file, here and in a fresh process."""
    model = subject.make(**subject.unusual)
    original = subject.layer() if subject.layer else model
    assert not defaults(original), f"declare other values for {defaults(original)}"
    again = type(original).from_config(original.get_config())
    assert again.get_config() == original.get_config()

    model.save(folder / "model.keras")
    np.savez(folder / "inputs.npz", *keras.tree.flatten(subject.inputs))
    expected = [*outputs(model, subject.inputs), *model.get_weights()]
    again = keras.models.load_model(folder / "model.keras")
    assert type(again) is type(model)
    if not subject.layer:  # the model around a layer is no class of ours
        assert again.get_config() == model.get_config()
    assert_equal([*outputs(again, subject.inputs), *again.get_weights()], expected)
    assert_equal(fresh_process.contents(folder), expected)


def defaults(subject):
    """Arguments of the constructor that have their default value."""
    parameters = inspect.signature(type(subject).__init__).parameters.values()
    config = subject.get_config()
    return [
        p.name for p in parameters if p.default != p.empty and plain(config[p.name]) == p.default
    ]


def plain(value):
    return tuple(value) if isinstance(value, list) else value


def load_weights(subject, folder):
    """A new object with the weights of another gives the same outputs."""
    model, other = subject.make(), subject.make()
    model.save_weights(folder / "model.weights.h5")
    other.load_weights(folder / "model.weights.h5")
    assert_equal(outputs(other, subject.inputs), outputs(model, subject.inputs))


def gradients(subject, folder):
    """Every trainable weight receives a finite gradient."""
    model = training.compiled(subject, run_eagerly=True)
    received = {}

    def record(optimizer, gradients, variables=None):
        variables = optimizer._trainable_variables if variables is None else variables
        received.update({id(v): g for v, g in zip(variables, gradients, strict=True)})

    with mock.patch.object(keras.optimizers.Optimizer, "apply", record):
        step(model, subject)
    for weight in model.trainable_weights:
        gradient = received.get(id(weight))
        assert gradient is not None, f"{weight.path} received no gradient"
        assert np.isfinite(keras.ops.convert_to_numpy(gradient)).all(), weight.path


def shapes(subject, folder):
    """What is said before a call is what comes of it, for two sizes of the input."""
    for model, inputs in [(subject.make(), subject.inputs), another_size(subject)]:
        given = keras.tree.map_structure(lambda array: tuple(array.shape), inputs)
        said = model.compute_output_shape(given)
        seen = model(inputs)
        assert keras.tree.map_structure(lambda x: tuple(x.shape), seen) == said
        symbols = keras.tree.map_structure(lambda a: keras.KerasTensor(a.shape, a.dtype), inputs)
        symbolic = keras.tree.map_structure(lambda x: tuple(x.shape), model.symbolic_call(symbols))
        assert symbolic == said


def another_size(subject):
    """A model or the bare layer, and inputs of another size for it."""
    several = isinstance(subject.inputs, list)
    sizes = subject.another if several else [subject.another]
    inputs = one_or_all([np.zeros((2, *size), first(subject.inputs).dtype) for size in sizes])
    if subject.layer:
        layer = subject.layer()
        layer(inputs)
        return layer, inputs
    size = {"input_shape": subject.another, "latent_dim": subject.another[0]}
    return subject.make(**{subject.sized: size[subject.sized]} if subject.sized else {}), inputs


def precision(policy, subject, folder):
    """In mixed precision a step of training leaves finite weights and outputs in that type."""
    keras.config.set_dtype_policy(policy)
    model = training.compiled(subject, run_eagerly=True)
    step(model, subject)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    half = outputs(model, subject.inputs)
    assert all(array.dtype.name == policy.removeprefix("mixed_") for array in half)
    keras.config.set_dtype_policy("float32")
    full = subject.make()
    full.set_weights(model.get_weights())
    full = outputs(full, subject.inputs)
    error = max(
        np.abs(h.astype("float32") - f).max() / np.abs(f).max()
        for h, f in zip(half, full, strict=True)
    )
    assert error < 0.1
    return f"{error:.0e}"


def jit(subject, folder):
    """XLA compiles a training step; its losses are those without it, where chance has no part."""
    compiled = step(training.compiled(subject, options=subject.still, jit_compile=True), subject)
    assert all(np.isfinite(value) for value in compiled.values())
    if subject.still is None:  # XLA draws other numbers
        return
    eager = step(training.compiled(subject, options=subject.still, run_eagerly=True), subject)
    for name, value in eager.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-3, err_msg=name)


def learns(subject, folder):
    """A model overfits one batch; a layer's gradient is the slope of its outputs."""
    if subject.kind == "layer":
        return numeric_gradient(subject)
    steps = training.overfitted(subject)[1]
    return f"{steps} steps"


def numeric_gradient(subject, directions=3, epsilon=1e-6):
    """Compare along random directions: gradient . v = (f(w + e v) - f(w - e v)) / 2e."""
    keras.config.set_dtype_policy("float64")
    random, layer = np.random.default_rng(0), subject.layer()
    inputs = keras.tree.map_structure(lambda a: keras.Variable(a, dtype="float64"), subject.inputs)
    shape = layer(keras.tree.map_structure(lambda v: v.value, inputs)).shape
    mixture = random.normal(size=shape)
    points = [*keras.tree.flatten(inputs), *layer.trainable_variables]
    for point in points:  # off the symmetry of zeros and ones that weights start with
        point.assign_add(0.1 * random.normal(size=point.shape))
    state = [variable.numpy() for variable in layer.non_trainable_variables]

    def mixed():
        for variable, value in zip(layer.non_trainable_variables, state, strict=True):
            variable.assign(value)
        fed = keras.tree.map_structure(lambda v: v.value, inputs)
        arguments = {"training": True} if layer._call_has_training_arg else {}
        return tf.reduce_sum(layer(fed, **arguments) * mixture)

    def moved(distance, direction):
        for point, step in zip(points, direction, strict=True):
            point.assign_add(distance * step)
        return mixed()

    with tf.GradientTape() as tape:
        value = mixed()
    gradient = tape.gradient(value, [point.value for point in points])
    worst = 0.0
    for _ in range(directions):
        direction = [random.normal(size=point.shape) for point in points]
        slope = (moved(epsilon, direction) - moved(-2 * epsilon, direction)) / (2 * epsilon)
        moved(epsilon, direction)
        along = sum(np.sum(g * d) for g, d in zip(gradient, direction, strict=True))
        worst = max(worst, abs(along / slope - 1))
    assert worst < 1e-5
    return f"{worst:.0e}"


@functools.cache
def two_replicas():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def replicas(subject, folder):
    """Two replicas give the losses, metrics and weights of one."""
    one = training.still_history(subject)
    two = training.history(subject, two_replicas(), options=subject.still)
    assert one[0].keys() == two[0].keys()
    for name, values in one[0].items():
        np.testing.assert_allclose(two[0][name], values, rtol=1e-4, err_msg=name)
    difference = max(np.abs(a - b).max() for a, b in zip(one[1], two[1], strict=True))
    assert difference < 1e-5
    equal = " (equal halves)" if training.normalises_alone(subject.make()) else ""
    return f"{difference:.0e}{equal}"


def litert(subject, folder):
    """A LiteRT file of built-in operators gives what Keras gives."""
    error = max(parity.largest_error for parity in parities(subject, folder))
    assert error < 1e-5
    return f"{error:.0e}"


def int8(subject, folder):
    """The int8 file finds the classes that Keras finds; without classes: its largest error."""
    found = list(parities(subject, folder, quantize="int8"))
    if subject.targets is not None and subject.targets.dtype.kind == "i":
        assert found[0].agreement > 0.9
        return f"{found[0].agreement:.0%}"
    error = max(parity.largest_error for parity in found)
    assert error < 0.1
    return f"{error:.0e}"


def parities(subject, folder, quantize=None):
    """How each exported part of the trained model compares with its file."""
    model = training.overfitted(subject)[0]
    for name, part, inputs in parts(subject, model):
        calibration = {"calibration": inputs} if quantize == "int8" else {}
        path = folder / f"{name or 'model'}.tflite"
        example = keras.tree.map_structure(lambda array: array[:1], inputs)
        file = export.to_litert(part, path, quantize=quantize, example=example, **calibration)
        # the interpreter that runs it next has no others
        assert not any(name.startswith(("custom", "FLEX")) for name in file.operators)
        yield export.verify(part, file, inputs)


def seed(subject, folder):
    """The same seed gives the same weights after training, bit by bit."""
    first = training.history(subject) if subject.still else training.still_history(subject)
    second = training.history(subject)
    assert first[0] == second[0]
    assert_equal(second[1], first[1])


def counts(subject, folder):
    """Every variant has as many trainable parameters as the reference counted."""
    published = {row["item"]: row["params"] for row in json.loads(REFERENCE.read_text())}
    counted = {name: count_parameters(name) for name, item in subject.counts.items() if item}
    assert counted == {name: published[subject.counts[name]] for name in counted}
    return f"{len(counted)} equal"


def count_parameters(name):
    with keras.StatelessScope():  # shapes without numbers, of which GPT-2 XL has six gigabytes
        model = kerasdl.create_model(name)
        keras.utils.clear_session()  # or they would be drawn when the scope ends
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


PROPERTIES = {
    "round trip": round_trip,
    "load_weights": load_weights,
    "gradients": gradients,
    "shapes": shapes,
    "bfloat16": functools.partial(precision, "mixed_bfloat16"),
    "float16": functools.partial(precision, "mixed_float16"),
    "jit": jit,
    "learns": learns,
    "replicas": replicas,
    "LiteRT": litert,
    "int8": int8,
    "seed": seed,
    "counts": counts,
}


def outputs(model, inputs):
    return [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(model(inputs))]


def assert_equal(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, e)


def parts(subject, model):
    """Each model that is exported, by name, and what it is fed."""
    for name, part in subject.parts(model).items():
        whole = part is model or part.input_shape[1:] == subject.inputs.shape[1:]
        yield name, part, subject.inputs if whole else normal(*part.input_shape[1:])


def first(inputs):
    return keras.tree.flatten(inputs)[0]


def step(model, subject):
    return model.train_on_batch(subject.inputs, subject.targets, return_dict=True)
