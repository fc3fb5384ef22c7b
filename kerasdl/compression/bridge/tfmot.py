"""Import TFMOT and tf_keras without side effects. All other modules import them from here.

Importing TFMOT sets TF_USE_LEGACY_KERAS for this process and its children, and turns `tf.keras`
into tf_keras if it was not used before. On Python 3.12 and later it needs setuptools' `distutils`.
"""

import os
import sys
import warnings

import tensorflow as tf

VARIABLE = "TF_USE_LEGACY_KERAS"

if sys.version_info >= (3, 12):
    import setuptools  # noqa: F401

tf.keras.layers  # noqa: B018  resolves `tf.keras` to Keras 3 before TFMOT is imported
_before = os.environ.get(VARIABLE)
try:
    with warnings.catch_warnings():
        # both import names that are deprecated in NumPy and TensorFlow
        warnings.simplefilter("ignore")
        import tensorflow_model_optimization as tfmot
        import tf_keras
        from tensorflow_model_optimization.python.core.clustering.keras import cluster as clustering
        from tensorflow_model_optimization.python.core.clustering.keras import cluster_wrapper
        from tensorflow_model_optimization.python.core.quantization.keras import (
            quant_ops,
            quantize_annotate,
            quantize_aware_activation,
            quantize_wrapper,
        )
        from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.cluster_preserve import (  # noqa: E501
            cluster_preserve_quantize_registry as cluster_preserve,
        )
        from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (  # noqa: E501
            prune_preserve_quantize_registry as prune_preserve,
        )
        from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
            default_8bit_quantize_configs as configs,
        )
        from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
            default_8bit_quantize_layout_transform as layout,
        )
        from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
            default_8bit_quantize_registry as registry,
        )
        from tf_keras.src.engine.keras_tensor import KerasTensor as OldKerasTensor
finally:
    if _before is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = _before

__all__ = [
    "OldKerasTensor",
    "cluster_preserve",
    "cluster_wrapper",
    "clustering",
    "configs",
    "layout",
    "prune_preserve",
    "quant_ops",
    "quantize_annotate",
    "quantize_aware_activation",
    "quantize_wrapper",
    "registry",
    "tf_keras",
    "tfmot",
]
