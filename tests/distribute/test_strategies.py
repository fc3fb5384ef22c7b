"""`strategy` returns the strategy of a name, or raises a one-line error."""

import json
import subprocess
import sys
import types

import pytest

from kerasdl import distribute
from kerasdl.distribute import keras_patches, strategies
from kerasdl.errors import InvalidInput


@pytest.mark.rows("DAT-27")
def test_auto_is_one_device_on_this_machine():
    assert distribute.strategy("auto").num_replicas_in_sync == 1
    one = distribute.strategy("one")
    assert distribute.is_chief(one)
    assert distribute.worker_of(one) == (0, 1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("two", "strategy"),
        ("one:3", "strategy"),
        ("cpu", "cpu:N"),
        ("cpu:0", "cpu:N"),
        ("cpu:99", "before TensorFlow has computed"),
        ("mirrored", "at least one GPU"),
        ("multiworker", "neither TF_CONFIG nor SLURM_STEP_NUM_TASKS nor"),
        ("tpu", "the variable TPU_NAME"),
    ],
)
def test_unavailable_strategies_are_refused(spec, message, monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS", "KERASDL_HOSTS", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)
    distribute.strategy("one")  # TensorFlow has started
    with pytest.raises(InvalidInput, match=message) as raised:
        distribute.strategy(spec)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("task", "number"),
    [(("chief", 0), 0), (("worker", 0), 1), (("worker", 1), 2)],
)
def test_the_chief_is_the_first_worker(task, number, monkeypatch):
    import tensorflow as tf

    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    config = {"cluster": cluster, "task": {"type": task[0], "index": task[1]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))

    class Strategy:
        cluster_resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()

    assert distribute.worker_of(Strategy) == (number, 3)
    assert distribute.is_chief(Strategy) == (number == 0)


@pytest.mark.slow
def test_virtual_devices_in_a_fresh_process():
    code = """
from kerasdl import distribute
strategy = distribute.strategy("cpu:3")
assert strategy.num_replicas_in_sync == 3
assert distribute.share(strategy).replicas == range(3)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_script_for_several_replicas_runs_on_one_device():
    import keras

    import kerasdl

    strategy = distribute.strategy("one")
    splits = kerasdl.data.load("digits", share=distribute.share(strategy))
    with strategy.scope():
        model = kerasdl.create_model("mlp_tiny", input_shape=splits.info.shape)
        distribute.synchronize(model)
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    train = distribute.pipeline(splits.train, strategy, splits.info.counts["train"], 64)
    assert len(model.fit(train, shuffle=False, verbose=0).history["loss"]) == 1


@pytest.fixture
def makers(monkeypatch):
    """Replace the functions that make strategies; return the list of their calls."""
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS", "KERASDL_HOSTS", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)
    asked = []

    def record(name, replicas):
        made = types.SimpleNamespace(num_replicas_in_sync=replicas)
        return lambda *arguments: asked.append((name, *arguments)) or made

    for name, replicas in (("_one", 1), ("_mirrored", 2), ("_multiworker", 2), ("_tpu", 8)):
        monkeypatch.setattr(strategies, name, record(name, replicas))
    monkeypatch.setattr(keras_patches, "apply", lambda: asked.append("patched"))
    return asked


@pytest.mark.parametrize(
    ("variables", "gpus", "asked"),
    [
        ({}, 0, [("_one",)]),
        ({}, 1, [("_one",)]),
        ({}, 2, [("_mirrored",), "patched"]),
        ({"TPU_NAME": "some"}, 2, [("_tpu", ""), "patched"]),
        ({"TF_CONFIG": "{}", "TPU_NAME": "some"}, 2, [("_multiworker",), "patched"]),
    ],
)
def test_auto_prefers_workers_then_tpus_then_gpus(variables, gpus, asked, makers, monkeypatch):
    monkeypatch.setattr(strategies.tf.config, "list_physical_devices", lambda kind: [kind] * gpus)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    strategies.strategy()
    assert makers == asked


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        ("tpu:other", [("_tpu", "other"), "patched"]),
        ("tpu", [("_tpu", ""), "patched"]),
        ("one", [("_one",)]),  # Keras is not patched
        ("mirrored", [("_mirrored",), "patched"]),
    ],
)
def test_strategy_of_several_replicas_patches_keras(spec, asked, makers):
    strategies.strategy(spec)
    assert makers == asked


@pytest.mark.parametrize("spec", ["cpu:x", "cpu:02", "cpu:2x", "cpu:-1"])
def test_invalid_number_of_virtual_devices_raises(spec):
    with pytest.raises(InvalidInput, match=f"Expected cpu:N, such as cpu:2. Received: {spec}$"):
        distribute.strategy(spec)


def test_virtual_devices_after_tensorflow_started_raise():
    distribute.strategy("one").experimental_local_results(1)
    message = r"strategy cpu:99. Expected a call before .* Received: a call after .* made 1 device$"
    with pytest.raises(InvalidInput, match=message):
        distribute.strategy("cpu:99")


def test_existing_virtual_devices_are_used_if_they_are_enough(monkeypatch):
    def started(*given):
        raise RuntimeError("TensorFlow has started")

    config = strategies.tf.config
    monkeypatch.setattr(config, "list_logical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    monkeypatch.setattr(config, "set_logical_device_configuration", started)
    asked = []
    made = types.SimpleNamespace(num_replicas_in_sync=1)
    monkeypatch.setattr(
        strategies.tf.distribute, "MirroredStrategy", lambda devices: asked.append(devices) or made
    )
    assert distribute.strategy("cpu:2") is made and asked == [["CPU:0", "CPU:1"]]
    with pytest.raises(InvalidInput, match=r"Received: a call after TensorFlow made 2 devices$"):
        distribute.strategy("cpu:3")


@pytest.mark.parametrize("count", [257, 1000, 10**30])
def test_too_many_virtual_devices_are_refused(count):
    message = rf"^Invalid strategy. Expected cpu:N with N up to 256. Received: cpu:{count}$"
    with pytest.raises(InvalidInput, match=message):
        distribute.strategy(f"cpu:{count}")


@pytest.mark.parametrize(
    ("spec", "name", "source"),
    [("tpu:other", "other", "TPU other"), ("tpu", None, "named by the variable TPU_NAME")],
)
def test_tpu_that_does_not_answer_raises_one_line(spec, name, source, monkeypatch):
    asked = []

    def resolver(name):
        asked.append(name)
        raise ValueError(f"\n{'no answer ' * 20}\nlong explanation")

    cluster = strategies.tf.distribute.cluster_resolver
    monkeypatch.setattr(cluster, "TPUClusterResolver", resolver)
    message = rf"^Invalid strategy tpu. Expected a TPU \({source}\). Received: (no answer ){{12}}$"
    with pytest.raises(InvalidInput, match=message):
        distribute.strategy(spec)
    assert asked == [name]


def test_multiworker_strategy_uses_the_resolver(monkeypatch):
    made = types.SimpleNamespace(num_replicas_in_sync=1)
    monkeypatch.setattr(strategies.resolvers, "resolver", lambda: "the cluster")
    monkeypatch.setattr(
        strategies.tf.distribute,
        "MultiWorkerMirroredStrategy",
        lambda cluster_resolver: made if cluster_resolver == "the cluster" else None,
    )
    assert distribute.strategy("multiworker") is made


@pytest.mark.parametrize(
    ("spec", "gpus", "made"),
    [
        ("one", [], ("OneDeviceStrategy", "/cpu:0")),
        ("one", ["first", "second"], ("OneDeviceStrategy", "/gpu:0")),
        ("mirrored", ["first", "second"], ("MirroredStrategy", ["first", "second"])),
        ("cpu:2", [], ("MirroredStrategy", ["CPU:0", "CPU:1"])),
    ],
)
def test_strategies_use_the_available_devices(spec, gpus, made, monkeypatch):
    config = strategies.tf.config
    devices = {"GPU": gpus, "CPU": ["the processor"]}
    monkeypatch.setattr(config, "list_logical_devices", devices.__getitem__)
    monkeypatch.setattr(config, "list_physical_devices", devices.__getitem__)
    configured = []
    monkeypatch.setattr(
        config, "set_logical_device_configuration", lambda *given: configured.append(given)
    )
    asked = []
    for name in ("OneDeviceStrategy", "MirroredStrategy"):
        strategy = types.SimpleNamespace(num_replicas_in_sync=1)
        monkeypatch.setattr(
            strategies.tf.distribute,
            name,
            lambda devices, name=name, strategy=strategy: asked.append((name, devices)) or strategy,
        )
    distribute.strategy(spec)
    assert asked == [made]
    assert [(cpu, len(parts)) for cpu, parts in configured] == (
        [("the processor", 2)] if spec == "cpu:2" else []
    )


@pytest.mark.parametrize("spec", ["two", "one:3", "mirrored:2"])
def test_unknown_strategy_error_lists_strategies(spec):
    names = "auto, one, mirrored, cpu:N, multiworker, tpu or tpu:NAME"
    with pytest.raises(
        InvalidInput, match=f"^Invalid strategy. Expected {names}. Received: {spec}"
    ):
        distribute.strategy(spec)


def test_tpu_is_connected_and_initialized_before_its_strategy(monkeypatch):
    done = []
    tf = strategies.tf
    cluster, system = tf.distribute.cluster_resolver, tf.tpu.experimental
    monkeypatch.setattr(cluster, "TPUClusterResolver", lambda name: ("resolver", name))
    monkeypatch.setattr(
        tf.config, "experimental_connect_to_cluster", lambda r: done.append(("connected", r))
    )
    monkeypatch.setattr(system, "initialize_tpu_system", lambda r: done.append(("initialized", r)))
    made = types.SimpleNamespace(num_replicas_in_sync=1)
    monkeypatch.setattr(tf.distribute, "TPUStrategy", lambda r: done.append(("made", r)) or made)
    assert distribute.strategy("tpu:some") is made
    resolver = ("resolver", "some")
    assert done == [("connected", resolver), ("initialized", resolver), ("made", resolver)]
