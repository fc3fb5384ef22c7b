"""`strategy` returns the strategy of a name, or raises a one-line error."""

import json
import subprocess
import sys

import pytest

from kerasdl import distribute
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
