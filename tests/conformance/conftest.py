"""Two virtual CPUs for two replicas, which must be configured before TensorFlow starts."""

import pytest
import tensorflow as tf

for module in (
    "counting",
    "exporting",
    "fresh_process",
    "learning",
    "references",
    "running",
    "saving",
):
    pytest.register_assert_rewrite(f"tests.conformance.{module}")

CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)
