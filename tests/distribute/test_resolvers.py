"""Addresses of workers come from the environment variables of Kubernetes jobs and Slurm."""

import os
import subprocess
import sys

import pytest

from kerasdl.distribute import launching, resolvers
from kerasdl.errors import InvalidInput

SLURM = {  # as in the second of four tasks
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "node[2,9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "2,1(x2)",
    "SLURM_PROCID": "1",
    "SLURM_JOB_ID": "4002",
}
JOB = {"KERASDL_HOSTS": "train-0.train:2222, train-1.train:2222", "JOB_COMPLETION_INDEX": "1"}


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    for name in ("TF_CONFIG", *SLURM, *JOB):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "workers"),
    [
        (JOB, ["train-0.train:2222", "train-1.train:2222"]),
        (SLURM, ["node2:10040", "node2:10041", "node9:10040", "node10:10040"]),
    ],
    ids=["job", "slurm"],
)
def test_addresses_and_task_index(variables, workers, monkeypatch):
    assert not resolvers.several()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert resolvers.several()
    resolver = resolvers.resolver()
    assert resolver.cluster_spec().as_dict() == {"worker": workers}
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)
    assert resolver.rpc_layer == "grpc"


def test_several_is_false_for_one_task_of_slurm(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert not resolvers.several()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert resolvers.several()
    monkeypatch.delenv("SLURM_STEP_NUM_TASKS")
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert resolvers.several()


def test_order_of_precedence_of_variables(monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_JOB_ID")
    workers = resolvers.resolver().cluster_spec().as_dict()["worker"]
    assert workers[:2] == ["node2:10000", "node2:10001"]
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    assert len(resolvers.resolver().cluster_spec().as_dict()["worker"]) == 2
    config = '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}'
    monkeypatch.setenv("TF_CONFIG", config)
    assert resolvers.resolver().cluster_spec().as_dict() == {"worker": ["a:1"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"JOB_COMPLETION_INDEX": "2"}, "Expected a number below the 2 addresses.*Received: 2"),
        ({"JOB_COMPLETION_INDEX": ""}, "Received: none"),
        (
            {"KERASDL_HOSTS": "one,two:2222"},
            r"^Invalid variable KERASDL_HOSTS. Expected HOST:PORT,HOST:PORT,\.\.\.. Received: one$",
        ),
    ],
)
def test_invalid_variables_are_refused(changes, message, monkeypatch):
    for name, value in {**JOB, **changes}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=message):
        resolvers.resolver()


@pytest.mark.slow
def test_pods_of_a_job_connect_to_each_other():
    ports = launching.free_ports(2)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    code = (
        "from kerasdl import distribute; import tensorflow as tf;"
        "s = distribute.strategy('auto'); r = tf.constant(float(distribute.worker_of(s)[0]));"
        "print(distribute.is_chief(s), float(s.reduce('SUM', r, axis=None)))"
    )
    pods = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "KERASDL_HOSTS": hosts, "JOB_COMPLETION_INDEX": str(number)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for number in range(2)
    ]
    assert [pod.communicate(timeout=120)[0] for pod in pods] == ["True 1.0\n", "False 1.0\n"]


def test_hosts_may_be_ipv6_addresses(monkeypatch):
    monkeypatch.setenv("KERASDL_HOSTS", "[::1]:2222,[::2]:2222")
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "0")
    workers = resolvers.resolver().cluster_spec().as_dict()["worker"]
    assert workers == ["[::1]:2222", "[::2]:2222"]


def test_environment_without_a_cluster_raises():
    with pytest.raises(
        InvalidInput,
        match=r"^Invalid environment for strategy multiworker. Expected TF_CONFIG \(set by "
        r"`kerasdl launch`\), .*, or KERASDL_HOSTS. Received: neither TF_CONFIG nor ",
    ):
        resolvers.resolver()
