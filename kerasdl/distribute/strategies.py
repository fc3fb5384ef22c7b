"""From one word to a `tf.distribute` strategy."""

import os
import re

import tensorflow as tf

from kerasdl.distribute import mending, resolvers
from kerasdl.errors import InvalidInput

SPECS = "auto, one, mirrored, cpu:N, multiworker, tpu or tpu:NAME"


def strategy(spec: str = "auto") -> tf.distribute.Strategy:
    """The strategy that a word stands for, ready for Keras 3's `fit`.

    Ask for it before anything else is computed: workers and virtual devices are made at the start.

    Args:
        spec: "one", the first GPU or the CPU; "mirrored", all GPUs here; "cpu:2", two virtual
            devices on the CPU, to try things out; "multiworker", the processes that `TF_CONFIG`
            names (Kubeflow, Vertex AI and `kerasdl launch` set it), that Slurm's `srun` has
            started, or whose addresses are in `KERASDL_HOSTS` (a Job of Kubernetes);
            "tpu", or "tpu:NAME"; "auto", the largest of these that is there.

    Example:
        >>> strategy("one").num_replicas_in_sync
        1
    """
    kind, _, name = spec.partition(":")
    makers = {
        "auto": _auto,
        "one": _one,
        "mirrored": _mirrored,
        "cpu": _cpus,
        "multiworker": _multiworker,
        "tpu": _tpu,
    }
    if kind not in makers or (name and kind not in ("cpu", "tpu")):
        raise InvalidInput("strategy", SPECS, spec)
    made = makers[kind](name) if kind in ("cpu", "tpu") else makers[kind]()
    if made.num_replicas_in_sync > 1:
        mending.mend()
    return made


def _auto():
    if resolvers.several():
        return _multiworker()
    if "TPU_NAME" in os.environ:
        return _tpu("")
    return _mirrored() if len(tf.config.list_physical_devices("GPU")) > 1 else _one()


def _one():
    gpus = tf.config.list_logical_devices("GPU")
    return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")


def _mirrored():
    gpus = tf.config.list_logical_devices("GPU")
    if not gpus:
        raise InvalidInput("strategy mirrored", "at least one GPU (cpu:2 needs none)", "no GPU")
    return tf.distribute.MirroredStrategy(gpus)


def _cpus(count):
    if not re.fullmatch("[1-9][0-9]*", count):
        raise InvalidInput("strategy", "cpu:N, such as cpu:2", f"cpu:{count}")
    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * int(count)
    try:
        tf.config.set_logical_device_configuration(cpu, devices)
    except RuntimeError:
        found = len(tf.config.list_logical_devices("CPU"))
        if found < int(count):
            expected = "to be asked for before TensorFlow has computed anything"
            raise InvalidInput(f"strategy cpu:{count}", expected, f"{found} made already") from None
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(int(count))])


def _multiworker():
    resolver = resolvers.resolver()
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)


def _tpu(name):
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name or None)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        looked = f"TPU {name}" if name else "the variable TPU_NAME"
        first = str(error).strip().splitlines()[0][:120]
        raise InvalidInput("strategy tpu", f"a TPU ({looked})", first) from error
    return tf.distribute.TPUStrategy(resolver)
