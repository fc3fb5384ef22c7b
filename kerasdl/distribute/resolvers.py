"""Find the addresses of the other workers in the environment variables that a cluster sets."""

import os

import tensorflow as tf
from tensorflow.python.distribute.cluster_resolver import slurm_cluster_resolver as slurm

from kerasdl.errors import InvalidInput


def several() -> bool:
    """Return whether the environment describes more than one process."""
    started_by_slurm = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1
    return "TF_CONFIG" in os.environ or "KERASDL_HOSTS" in os.environ or started_by_slurm


def resolver() -> tf.distribute.cluster_resolver.ClusterResolver:
    """Return the resolver of the cluster that this process belongs to.

    Looked for in this order: `TF_CONFIG` (Kubeflow, Vertex AI, `kerasdl launch`), `KERASDL_HOSTS`
    (a Kubernetes Job), Slurm's variables.
    """
    if "TF_CONFIG" in os.environ:
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if "KERASDL_HOSTS" in os.environ:
        return _job(os.environ["KERASDL_HOSTS"])
    if "SLURM_STEP_NUM_TASKS" in os.environ:
        return _slurm()
    expected = "TF_CONFIG (set by `kerasdl launch`), a start by srun, or KERASDL_HOSTS"
    received = "neither TF_CONFIG nor SLURM_STEP_NUM_TASKS nor KERASDL_HOSTS"
    raise InvalidInput("environment for strategy multiworker", expected, received)


def _slurm():
    """The tasks of a job step, in Slurm's order.

    TensorFlow's own resolver sorts nodes as text, which swaps the tasks of node2 and node10, and it
    needs GPUs. The port depends on the job, so that two jobs can share a node.
    """
    nodes = slurm.expand_hostlist(os.environ["SLURM_STEP_NODELIST"])
    counts = slurm.expand_tasks_per_node(os.environ["SLURM_STEP_TASKS_PER_NODE"])
    port = 10_000 + 20 * (int(os.environ.get("SLURM_JOB_ID", 0)) % 1000)
    tasks = zip(nodes, counts, strict=True)
    hosts = [f"{node}:{port + task}" for node, count in tasks for task in range(count)]
    return _cluster(hosts, os.environ["SLURM_PROCID"])


def _job(hosts):
    """An Indexed Job of Kubernetes, which numbers its pods and gives them known names."""
    hosts = [host.strip() for host in hosts.split(",") if host.strip()]
    number = os.environ.get("JOB_COMPLETION_INDEX", "")
    if not number.isdecimal() or int(number) >= len(hosts):
        expected = f"a number below the {len(hosts)} addresses of KERASDL_HOSTS"
        raise InvalidInput("variable JOB_COMPLETION_INDEX", expected, number or "none")
    if bad := [host for host in hosts if not host.rpartition(":")[2].isdecimal()]:
        raise InvalidInput("variable KERASDL_HOSTS", "HOST:PORT,HOST:PORT,...", bad[0])
    return _cluster(hosts, number)


def _cluster(hosts, number):
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": hosts}),
        task_type="worker",
        task_id=int(number),
        rpc_layer="grpc",
    )
