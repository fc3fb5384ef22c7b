"""Keras is patched only when needed; patched functions run with a fake strategy of two replicas."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.distribute import keras_patches
from kerasdl.distribute.sharing import ReplicaBatch
from kerasdl.errors import InvalidInput

ADVICE = (
    "Keras's `{}` has changed. If `fit` works under MultiWorkerMirroredStrategy now (issue 20585), "
    "remove kerasdl.distribute.keras_patches. Else adapt the patch and add the new hash to KNOWN."
)


@pytest.mark.parametrize("name", keras_patches.KNOWN)
def test_keras_has_the_known_source(name):
    owner, known = keras_patches.KNOWN[name]
    found = keras_patches._original.get(name) or getattr(owner, name)
    assert keras_patches.fingerprint(found) in known, ADVICE.format(name)


def test_an_unknown_keras_is_refused(monkeypatch):
    monkeypatch.setattr(keras_patches, "_original", {})
    owner, _ = keras_patches.KNOWN["reduce_per_replica"]
    monkeypatch.setitem(keras_patches.KNOWN, "reduce_per_replica", (owner, ("another",)))
    message = (
        "^Invalid version of Keras for several replicas. Expected one whose "
        r"`[\w.]+\.reduce_per_replica` is as in 3.15 or 3.16. "
        f"Received: {re.escape(keras.__version__)}$"
    )
    with pytest.raises(InvalidInput, match=message):
        keras_patches.apply()
    assert not keras_patches._original


@pytest.mark.slow
def test_importing_does_not_patch_keras():
    code = """
from keras.src.backend.tensorflow import trainer
owner = getattr(trainer, "TensorFlowTrainer", None) or trainer.Trainer
before = dict(vars(owner)), dict(vars(trainer))
import kerasdl
kerasdl.distribute.strategy("one")
from kerasdl.distribute import keras_patches
assert before == (dict(vars(owner)), dict(vars(trainer)))
keras_patches.apply()
assert before != (dict(vars(owner)), dict(vars(trainer)))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


COUNT = """
import keras, numpy as np, tensorflow as tf
from kerasdl import distribute

strategy = distribute.strategy("cpu:2")
x = np.ones((38, 3), "float32")  # five batches, the last of six
with strategy.scope():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", steps_per_execution=STEPS)
data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
model.fit(data, epochs=2, verbose=0, shuffle=False)
print("steps", int(model.optimizer.iterations.value.numpy()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 4])
def test_the_optimizer_counts_the_steps_of_several_replicas(steps):
    """An extra step without data at the end of an epoch would shift learning rate schedules."""
    command = [sys.executable, "-c", COUNT.replace("STEPS", str(steps))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["steps", "10"]


class Two:
    """A fake strategy of two replicas, which both run in the current process."""

    num_replicas_in_sync = 2
    cluster_resolver = None
    extended = type("Extended", (), {"worker_devices": ["/cpu:0", "/cpu:0"]})

    def run(self, function, args):
        return function(*args)

    def experimental_local_results(self, value):
        return (value, value + 100)

    def distribute_datasets_from_function(self, function):
        return function(None)


class One:
    num_replicas_in_sync = 1

    def experimental_distribute_dataset(self, dataset):
        return dataset, "by TensorFlow"


class Model:
    """The attributes of a Keras model that the functions read."""

    def __init__(self, strategy, **attributes):
        self.distribute_strategy = self._distribute_strategy = strategy
        self.metrics_variables = [tf.Variable(1.0)]
        self.run_eagerly, self.jit_compile, self.steps_per_execution = True, False, 1
        for name, value in attributes.items():
            setattr(self, name, value)


@pytest.fixture
def keras_own(monkeypatch):
    """Replace Keras's functions by ones that return their name and arguments."""

    def record(name):
        return lambda *arguments: (name, *arguments)

    monkeypatch.setattr(
        keras_patches, "_original", {name: record(name) for name in keras_patches.KNOWN}
    )


def rows(values, fraction=0.5, counted=True):
    return ReplicaBatch(tf.constant(values), tf.constant(fraction), tf.constant(counted))


def test_loss_is_weighted_by_fraction_only_inside_a_step(keras_own):
    seen = {}

    def step(data):
        seen["scaled"] = keras_patches.scale_loss_for_distribution(tf.constant(8.0, "float64"))
        seen["unscaled"] = keras_patches.unscale_loss_for_distribution(tf.constant(2.0, "float64"))
        return {"loss": tf.constant(4.0)}

    logs = keras_patches._weighted(Model(Two()), step)(rows([1.0, 2.0], fraction=0.25))
    assert float(seen["scaled"]) == 2 and float(seen["unscaled"]) == 8
    assert seen["scaled"].dtype == seen["unscaled"].dtype == "float64"
    assert float(logs["loss"]) == 1  # the sum over replicas is their mean
    for name in ("scale_loss_for_distribution", "unscale_loss_for_distribution"):
        assert getattr(keras_patches, name)(8.0) == (name, 8.0)


def test_failed_step_resets_the_fraction(keras_own):
    def step(data):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keras_patches._weighted(Model(Two()), step)(rows([1.0]))
    assert keras_patches.scale_loss_for_distribution(1.0)[0] == "scale_loss_for_distribution"


@pytest.mark.parametrize(("counted", "expected"), [(True, 3.0), (False, 1.0)])
def test_uncounted_rows_do_not_change_metrics(counted, expected):
    model = Model(Two())

    def step(data):
        model.metrics_variables[0].assign_add(tf.reduce_sum(data))
        return {}

    assert keras_patches._weighted(model, step)(rows([0.5, 1.5], counted=counted)) == {}
    assert float(model.metrics_variables[0]) == expected


def test_step_gets_rows_and_other_data_unchanged():
    step = keras_patches._weighted(Model(Two()), lambda data: data)
    assert step("anything") == "anything"
    np.testing.assert_array_equal(step(rows([1.0, 2.0])), [1, 2])  # arrays are not averaged
    mixed = {"a": tf.constant(1), "b": tf.constant([1.0])}
    assert keras_patches._mean(mixed, 0.5) is mixed


def test_scalars_of_every_type_are_averaged_under_their_names():
    logs = {"a": tf.constant(2), "b": {"c": tf.constant(4.0, "bfloat16")}}
    found = keras_patches._mean(logs, tf.constant(0.5))
    assert float(found["a"]) == 1 and float(found["b"]["c"]) == 2


def test_one_replica_uses_the_functions_of_keras(keras_own):
    model = Model(One(), predict_step=None)
    assert keras_patches._make_function(model, "step") == ("_make_function", model, "step")
    assert keras_patches.predict(model, "x") == ("predict", model, "x")
    found = keras_patches.reduce_per_replica(3, One(), "auto")
    assert found[:2] == ("reduce_per_replica", 3) and found[3] == "auto"
    assert keras_patches.reduce_per_replica(3, Two(), "sum")[0] == "reduce_per_replica"
    splitting = keras_patches._SplitByReplica(One())
    assert splitting.experimental_distribute_dataset("data") == ("data", "by TensorFlow")


def test_reduce_per_replica_returns_values_of_the_first_replica():
    values = {"a": np.array(1), "b": [np.array(2)]}
    assert keras_patches.reduce_per_replica(values, Two(), reduction="auto") == {"a": 1, "b": [2]}


def test_batches_are_split_among_the_replicas():
    data = tf.data.Dataset.range(7).batch(4)
    parts = keras_patches._SplitByReplica(Two()).experimental_distribute_dataset(data)
    assert [part.data.numpy().tolist() for part in parts] == [[0, 1], [2, 3], [4], [5, 6]]


@pytest.mark.parametrize("eagerly", [True, False])
@pytest.mark.parametrize(("steps", "calls"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3, 4]), (9, [4])])
def test_last_call_takes_the_remaining_steps(eagerly, steps, calls):
    model = Model(Two(), run_eagerly=eagerly, steps_per_execution=steps)
    count = tf.Variable(0)

    def step(data):
        count.assign_add(1)
        return tf.reduce_sum(data)

    iterator = iter(tf.data.Dataset.range(5))
    function = keras_patches._make_function(model, step)
    assert [int(function(iterator)) for _ in calls] == calls
    with pytest.raises((StopIteration, tf.errors.OutOfRangeError)):
        function(iterator)
    assert int(count) == 5  # the call without data ran no step


def test_step_is_traced_once_for_each_specification_of_data():
    traced = []

    def step(data):
        traced.append(data.shape)
        return tf.reduce_sum(data)

    function = keras_patches._make_function(Model(Two(), run_eagerly=False), step)
    whole = tf.data.Dataset.range(8).batch(4, drop_remainder=True)
    for data in (whole, whole, tf.data.Dataset.range(7).batch(4), whole):
        iterator = iter(data)
        for _ in range(2):
            function(iterator)
    assert [shape.as_list() for shape in traced] == [[4], [None]]


def test_uncounted_rows_are_dropped_from_predictions(keras_own, monkeypatch):
    batches = [rows([[1.0], [2.0]]), rows([[1.0], [2.0]], counted=False), rows([[3.0]])]

    def predict(model, data, verbose):
        assert (data, verbose) == ("data", 0)
        found = [model.predict_step(batch) for batch in batches]
        return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *found)

    monkeypatch.setitem(keras_patches._original, "predict", predict)
    model = type("Network", (Model,), {"predict_step": lambda self, x: {"y": 2 * x}})(Two())
    found = keras_patches.predict(model, "data", verbose=0)
    assert found["y"].tolist() == [[2], [4], [6]]
    assert "predict_step" not in vars(model)  # that of the class is restored


def test_predictions_of_other_data_are_not_changed(keras_own, monkeypatch):
    def predict(model):
        return model.predict_step("x"), np.array([1])

    monkeypatch.setitem(keras_patches._original, "predict", predict)
    model = type("Network", (Model,), {"predict_step": lambda self, x: np.array([7.0])})(Two())
    assert keras_patches.predict(model).tolist() == [7]


@pytest.mark.parametrize(
    ("given", "gathered"),
    [
        ("bfloat16", "float32"),
        ("bool", "int32"),
        ("int8", "int32"),
        ("uint8", "int32"),
        ("float16", "float16"),
        ("int64", "int64"),
    ],
)
def test_types_that_cannot_be_gathered_are_cast(given, gathered):
    assert keras_patches._gatherable(tf.zeros(2, given)).dtype == gathered


def test_model_is_built_from_the_rows_of_the_first_replica(keras_own):
    def epoch():
        yield 0, 1, iter([rows([7])])

    built = []
    keras_patches._original["_maybe_symbolic_build"] = lambda *arguments: built.append(arguments)

    class Local(Two):
        def experimental_local_results(self, value):
            return (value, None)

    model = Model(Local())
    keras_patches._maybe_symbolic_build(model, iterator=epoch())
    (found, iterator, batch), *_ = built
    assert found is model and iterator is None and batch.numpy().tolist() == [7]
    for strategy, iterator, batch in ((None, "iterator", None), (Local(), None, "batch")):
        model = Model(strategy)
        keras_patches._maybe_symbolic_build(model, iterator, batch)
        assert built[-1] == (model, iterator, batch)


def test_data_of_unknown_length_ends_without_a_warning():
    data = tf.data.Dataset.range(3).batch(2)
    for steps in (None, 5):
        iterator = keras_patches.TFEpochIterator(Two(), x=data, steps_per_epoch=steps)
        assert isinstance(iterator._distribute_strategy, Two)
        if steps:
            with pytest.warns(UserWarning, match="ran out of data"):
                iterator._interrupted_warning()
        else:
            iterator._interrupted_warning()
