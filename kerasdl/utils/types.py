"""Types of several signatures that Python's type system cannot express more precisely."""

from typing import Any, Literal

# of TensorFlow, or a symbolic keras.KerasTensor
Tensor = Any

# an array or a tensor; or a list, tuple or dict of them, for a model with several inputs
Arrays = Any

# values of arguments; tests compare them with those that are accepted
Method = Literal["qat", "cluster", "pqat", "cqat", "pcqat"]
Engine = Literal["auto", "tfmot", "keras"]
Quantization = Literal["float16", "dynamic", "int8", "int16x8", "int4", "aware"]
InputType = Literal["float32", "int8"]
ExportFormat = Literal["litert", "onnx"]
ExportQuantization = Literal["none", "float16", "dynamic", "int8", "int16x8", "int4"]
ExplainMethod = Literal[
    "grad_cam",
    "grad_cam_plus_plus",
    "saliency",
    "guided_backpropagation",
    "deconvnet",
    "integrated_gradients",
    "smooth_grad",
    "occlusion",
    "attention_rollout",
]
OnNaN = Literal["stop", "lower"]
Optimizer = Literal["adamw", "muon"]
Tuner = Literal["random", "grid", "bayesian", "hyperband"]
# the strategies that train in this process alone
LocalStrategy = Literal["auto", "one", "mirrored"]
