"""Make a `tf.distribute` strategy from its name."""

import os
import re
from collections.abc import Callable

import tensorflow as tf

from kerasdl.distribute import keras_patches, resolvers
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

MOST_CPUS = 256  # virtual devices; each has threads and a copy of the model
SPECS = "auto, one, mirrored, cpu:N, multiworker, tpu or tpu:NAME"


def strategy(spec: str = "auto") -> tf.distribute.Strategy:
    """Return the strategy of a given name, ready for Keras 3's `fit`.

    Call it before TensorFlow computes anything: workers and virtual devices are made at the start.

    Args:
        spec: str, the name of the strategy:
            "one", the first GPU, or the CPU;
            "mirrored", all GPUs of this machine;
            "cpu:2", two virtual devices on the CPU, for trying things out;
            "multiworker", one worker per process. The other processes are found in `TF_CONFIG`
            (set by Kubeflow, Vertex AI and `kerasdl launch`), in the variables of Slurm's `srun`,
            or in `KERASDL_HOSTS` (a Kubernetes Job);
            "tpu" or "tpu:NAME";
            "auto", the default: the largest of these that is available.

    Example:
        >>> strategy("one").num_replicas_in_sync
        1
    """
    kind, _, name = spec.partition(":") if isinstance(spec, str) else ("", "", "")
    makers: dict[str, Callable] = {
        "auto": _auto,
        "one": _one,
        "mirrored": _mirrored,
        "cpu": _cpus,
        "multiworker": _multiworker,
        "tpu": _tpu,
    }
    if kind not in makers or (name and kind not in ("cpu", "tpu")):
        raise InvalidInput("strategy", SPECS, spec if isinstance(spec, str) else checks.shown(spec))
    made = makers[kind](name) if kind in ("cpu", "tpu") else makers[kind]()
    if made.num_replicas_in_sync > 1:
        keras_patches.apply()
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
    if len(count) > 3 or int(count) > MOST_CPUS:
        raise InvalidInput("strategy", f"cpu:N with N up to {MOST_CPUS}", f"cpu:{count}")
    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * int(count)
    try:
        tf.config.set_logical_device_configuration(cpu, devices)
    except RuntimeError:
        found = len(tf.config.list_logical_devices("CPU"))
        if found < int(count):
            expected = "a call before TensorFlow has computed anything"
            received = f"a call after TensorFlow made {found} device{'s' * (found != 1)}"
            raise InvalidInput(f"strategy cpu:{count}", expected, received) from None
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
        source = f"TPU {name}" if name else "named by the variable TPU_NAME"
        first = str(error).strip().splitlines()[0][:120]
        raise InvalidInput("strategy tpu", f"a TPU ({source})", first) from error
    return tf.distribute.TPUStrategy(resolver)
